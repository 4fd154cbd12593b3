"""The programs as an administrator runs them on plain hosts: `vipkeeper run` with peers and a key, and keepalived.

What `programs.py` measures at the engine's own door has no peers. Here are handover and witness, both families and the
virtual MAC address, an edited priority and a failed check.
"""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tests.bench.programs import PRIORITIES, Keepalived
from tests.netns.lan import Host, wait_for
from tests.netns.standalone import Standalone, virtualip, write

VRID = 51
VIP = {4: "192.0.2.100", 6: "2001:db8::100"}
KEY = "the hosts of a benchmark share it"
CHECKED_PORT = 8080
CHECK = {"port": CHECKED_PORT, "interval": "100ms", "timeout": "100ms", "rise": 1, "fall": 1}
"""Of vipkeeper. keepalived's script is asked each second, the shortest that it knows."""

_TAKES_PART, _ENTERS = "state=backup was=initialize", "Entering BACKUP STATE"
"""What each of them says then."""
START_LIMIT_S = 60.0
"""On a machine that is full of other work."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What both hosts of a pair are told."""

    interval_cs: int = 25
    family: int = 4
    virtual_mac: bool = False
    key: bool = True
    """vipkeeper: peers, and the key by which they believe each other. Else plain VRRP."""
    checked: bool = False
    """By a TCP connection to CHECKED_PORT of the host itself (keepalived: by a script)."""

    @property
    def vip(self) -> str:
        return VIP[self.family]


class Member(ABC):
    """One of the two."""

    name: ClassVar[str]

    def __init__(self, host: Host, wish: Wish, peers: Mapping[str, Sequence[str]]) -> None:
        """`peers`: addresses of the others by name, that on the segment first."""
        self.host, self.wish, self.peers = host, wish, peers
        self.folder = host.lan.folder / f"{host.name}-member"
        self.folder.mkdir()
        self.priority = PRIORITIES[host.name]
        self._server: subprocess.Popen[Any] | None = None

    @abstractmethod
    def start(self) -> None:
        """Also a second time. It takes part in the election when this returns."""

    @abstractmethod
    def stop(self) -> None:
        """SIGTERM; does not wait."""

    @abstractmethod
    def wait(self) -> None:
        """Until it has ended."""

    @abstractmethod
    def configure(self) -> None:
        """Write the file, as things are."""

    @abstractmethod
    def reload(self) -> None:
        """Read the file again."""

    def edit(self, priority: int) -> None:
        self.priority = priority
        self.configure()
        self.reload()

    def serve(self) -> None:
        """What is checked."""
        code = (
            "import socket, time; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
            f"s.bind(('127.0.0.1', {CHECKED_PORT})); s.listen(50); print(flush=True)\n"
            "while True: s.accept()[0].close()"
        )
        self._server = self.host.start("python3", "-c", code, stdout=subprocess.PIPE)
        assert self._server.stdout is not None
        self._server.stdout.readline()

    def fall_ill(self) -> None:
        assert self._server is not None
        self._server.kill()
        self._server.wait()


class VipkeeperRun(Member):
    name = "vipkeeper"

    def __init__(self, host: Host, wish: Wish, peers: Mapping[str, Sequence[str]]) -> None:
        super().__init__(host, wish, peers)
        self._run = Standalone(host, self.folder / "vip.yaml")
        self._key = self.folder / "key"
        self._key.touch(0o600)
        self._key.write_text(KEY + "\n")
        self.configure()

    def configure(self) -> None:
        write(self.folder / "vip.yaml", vip_yaml(self.wish, self.priority))

    def start(self) -> None:
        ways = [f"{name}={address}" for name, addresses in self.peers.items() for address in addresses]
        more = [word for way in ways for word in ("--peer", way)]
        begun = self._run.log().count(_TAKES_PART)
        self._run.launch(*(("--key-file", str(self._key), *more) if self.wish.key else ()))
        wait_for("vipkeeper takes part", lambda: self._run.log().count(_TAKES_PART) > begun, START_LIMIT_S)

    def stop(self) -> None:
        self._run.send(signal.SIGTERM)

    def wait(self) -> None:
        self._run.wait()

    def reload(self) -> None:
        self._run.send(signal.SIGHUP)


class KeepalivedRun(Member):
    name = "keepalived"
    before: tuple[str, ...] = ()
    """What starts it."""

    def __init__(self, host: Host, wish: Wish, peers: Mapping[str, Sequence[str]]) -> None:
        super().__init__(host, wish, peers)
        self._process: subprocess.Popen[Any] | None = None
        if wish.virtual_mac:  # its manual asks for it: the interface shall not answer for the macvlan's addresses
            host.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=1", "net.ipv4.conf.eth0.arp_announce=2")
        self.configure()

    def configure(self) -> None:
        script = self.folder / "check"
        script.write_text(f"#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{CHECKED_PORT}\n")
        script.chmod(0o755)
        text = keepalived_conf(self.wish, self.priority, Keepalived.options, script)
        (self.folder / "keepalived.conf").write_text(text)

    def start(self) -> None:
        for name in ("pid", "vrrp.pid"):
            (self.folder / name).unlink(missing_ok=True)
        path = self.folder / "log"
        begun = path.read_text().count(_ENTERS) if path.exists() else 0
        with path.open("ab") as log:
            self._process = self.host.start(
                *(
                    *self.before,
                    "keepalived",
                    "--dont-fork",
                    "--log-console",
                    "--vrrp",
                    f"--use-file={self.folder}/keepalived.conf",
                ),
                *(f"--pid={self.folder}/pid", f"--vrrp_pid={self.folder}/vrrp.pid"),
                stdout=log,
                stderr=log,
            )
        wait_for(
            "keepalived takes part", lambda: path.read_text(errors="replace").count(_ENTERS) > begun, START_LIMIT_S
        )

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()

    def wait(self) -> None:
        assert self._process is not None
        self._process.wait(20)

    def reload(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGHUP)


MEMBERS: tuple[type[Member], ...] = (VipkeeperRun, KeepalivedRun)


def vip_yaml(wish: Wish, priority: int) -> dict[str, Any]:
    vrrp = {"advertisementInterval": f"{wish.interval_cs * 10}ms", "virtualMAC": wish.virtual_mac}
    more: dict[str, Any] = {"health": {"tcp": [CHECK]}} if wish.checked else {}
    return virtualip(vrid=VRID, priority=priority, addresses=[wish.vip], interface="eth0", vrrp=vrrp, **more)


def keepalived_conf(wish: Wish, priority: int, options: Sequence[str], script: Path) -> str:
    lines = ["global_defs {", "    vrrp_version 3", *(f"    {option}" for option in options), "}"]
    if wish.checked:
        lines += ["vrrp_script serves {", f'    script "{script}"', "    interval 1", "    fall 1", "    rise 1", "}"]
    lines += [
        "vrrp_instance VI {",
        "    state BACKUP",
        "    interface eth0",
        f"    virtual_router_id {VRID}",
        f"    priority {priority}",
        f"    advert_int {wish.interval_cs / 100:g}",
        *(["    use_vmac"] if wish.virtual_mac else []),
        *(["    track_script {", "        serves", "    }"] if wish.checked else []),
        "    virtual_ipaddress {",
        f"        {wish.vip}/{32 if wish.family == 4 else 128}",
        "    }",
        "}",
    ]
    return "\n".join([*lines, ""])
