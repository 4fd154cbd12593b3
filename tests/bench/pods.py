"""A host with the real nginx sidecar, and with what takes the address away when that dies.

vipkeeper: the engine as in a speaker pod, with peers and a key. keepalived: as on plain hosts, and it asks nginx by a
script each second.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import ClassVar

from tests.bench.members import CHECKED_PORT, KEY, VRID, KeepalivedRun, Member, Wish
from tests.bench.programs import PRIORITIES
from tests.netns.lan import Host, wait_for
from tests.netns.sidecar import Sidecar
from tests.netns.speaker import Speaker, document
from vipkeeper.ipc.messages import Secrets
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, Response
from vipkeeper.render.nginx import render_nginx

PEERS = PeersSection(secret="peers", port=7112)
SECTION = NginxSection(http=(HTTPServer(port=80, response=Response(body="ok\n")),))
"""An answer of nginx itself: no server behind it is measured."""


def pod_document(wish: Wish, addresses: Mapping[str, str], section: NginxSection = SECTION) -> RenderedVirtualIP:
    """`addresses`: of all nodes, by name."""
    plain = document(PRIORITIES, wish.vip, vrid=VRID, interval_cs=wish.interval_cs, interface="eth0")
    nodes = {
        name: NodeShare(share.priority, share.rank, segment_addresses=(ip_address(addresses[name]),))
        for name, share in plain.nodes.items()
    }
    return replace(plain, nodes=nodes, peers=PEERS, nginx=section)


class Nginx:
    """The sidecar on a host, serving."""

    def __init__(self, host: Host, rendered: RenderedVirtualIP) -> None:
        for family in ("ipv4", "ipv6"):
            host.run("sysctl", "-qw", f"net.{family}.ip_nonlocal_bind=1")
        self.sidecar = Sidecar(namespace=host.namespace)
        host.lan.at_end.callback(self.sidecar.close)
        self._configuration = render_nginx([rendered], {}, CHECKED_PORT)
        self.sidecar.start_and_wait()
        self.reload()
        wait_for("nginx serves", lambda: self.sidecar.generation() == self._configuration.generation)

    def reload(self) -> None:
        """Nothing has changed, but nginx does not know."""
        (self.sidecar.run / "result.json").unlink(missing_ok=True)
        self.sidecar.write(self._configuration.text)
        self.sidecar.request(self._configuration.generation)
        result = self.sidecar.wait_for_result(self._configuration.generation)
        if not result["ok"]:
            raise RuntimeError(f"nginx refuses its configuration: {result['output']}")

    def kill(self) -> None:
        """With all of its processes: they live in a process namespace of its own."""
        self.sidecar.stop(signal.SIGKILL)

    def start(self) -> None:
        """Again. Young as its configuration was, it does not trust it: the agent asks for it anew."""
        self.sidecar.start_and_wait()
        self.reload()


class VipkeeperPod(Member):
    name = "vipkeeper"
    section: ClassVar[NginxSection] = SECTION

    def __init__(self, host: Host, wish: Wish, peers: Mapping[str, Sequence[str]]) -> None:
        super().__init__(host, wish, peers)
        own = host.ipv4 if wish.family == 4 else host.link_local
        addresses = {host.name: own} | {name: ways[0] for name, ways in peers.items()}
        self.document = pod_document(wish, addresses, self.section)
        self.nginx = Nginx(host, self.document)
        self.speaker = Speaker(host, nginx=True, folder_name=f"{host.name}-pod")
        self.speaker.run_dir = self.nginx.sidecar.run.parent
        self.speaker.environment["VIPKEEPER_RUN_DIR"] = str(self.speaker.run_dir)

    def start(self) -> None:
        self.speaker.start()
        self.configure()
        self.reload()

    def stop(self) -> None:
        os.kill(self.speaker.guard, signal.SIGTERM)

    def wait(self) -> None:
        assert self.speaker.process is not None
        self.speaker.process.wait(20)

    def configure(self) -> None:
        """As an agent does."""
        self.speaker.agent.send(Secrets({PEERS.secret: KEY.encode()}))
        self.speaker.apply(self.document)

    def reload(self) -> None:
        wait_for("it runs its document", self._runs)
        self.speaker.leave_agent()

    def _runs(self) -> bool:
        status = self.speaker.status()
        return status is not None and status.state != "Initialize" and status.generation == self.document.generation


class KeepalivedWithNginx(KeepalivedRun):
    def __init__(self, host: Host, wish: Wish, peers: Mapping[str, Sequence[str]]) -> None:
        super().__init__(host, replace(wish, checked=True), peers)
        self.nginx = Nginx(host, replace(document(PRIORITIES, wish.vip, vrid=VRID), nginx=SECTION))

    def serve(self) -> None:
        """nginx is what is checked."""
