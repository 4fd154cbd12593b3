"""Our own nginx dies, hangs, or has nothing left to accept with: the real sidecar beside real engines, without an agent.

In the sidecar the master is process 1: when it dies, the kernel kills its workers. (A master that is dead while its
workers serve, and foreign servers: test_server_death.py. A port that somebody else has: test_nginx_configurator.py.)
"""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.own_nginx import HTTPClient
from tests.netns.processes import command_line
from tests.netns.sidecar import READINESS_PORT, Sidecar
from tests.netns.speaker import Speaker, document
from vipkeeper.ipc.messages import Secrets
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, Response
from vipkeeper.nginx.check import check
from vipkeeper.nginx.configurator import NginxConfigurator
from vipkeeper.nginx.files import NginxFiles
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.spec.speaker import NginxReport

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nginx", "unshare", "setpriv")]

VIP = "192.0.2.100"
NGINX = NginxSection((HTTPServer(80, response=Response(200, "ok")),))
GAP_MS = 20.0 + 30.0
"""What is promised, and a margin for a machine that does other things besides. What nginx takes to end comes on top."""


@dataclass
class Node:
    speaker: Speaker
    sidecar: Sidecar


def serving(*nodes: Node, interval_cs: int) -> RenderedVirtualIP:
    """The answer is nginx' own."""
    plain = document({"one": 200, "two": 100}, VIP, interval_cs=interval_cs)
    shares = {
        node.speaker.host.name: NodeShare(
            plain.nodes[node.speaker.host.name].priority, rank, (ip_address(node.speaker.host.ipv4),)
        )
        for rank, node in enumerate(nodes)
    }
    return replace(plain, nodes=shares, nginx=NGINX, peers=PeersSection("keys", 7112))


@contextmanager
def two(lan: Lan, interval_cs: int = 10) -> Iterator[tuple[Node, Node]]:
    """Both with their nginx at work on the address, and one is Active."""
    with closing(_Sidecars()) as sidecars:
        one, other = nodes = tuple(_node(lan, name, sidecars) for name in ("one", "two"))
        wanted = serving(*nodes, interval_cs=interval_cs)
        for node in nodes:
            node.speaker.start().agent.send(Secrets({"keys": b"a key that both of them share"}))
            node.speaker.apply(wanted)
            wait_for("prepared", partial(_takes_part, node.speaker))
            node.sidecar.start_and_wait()
            _configure(node.sidecar, wanted)
        one.speaker.wait_until("Active")
        other.speaker.wait_until("Backup")
        wait_for("nobody is ill", lambda: one.speaker.told().ailments == other.speaker.told().ailments == ())
        wait_for("one has it", lambda: lan.owners(VIP) == ["one"])
        yield one, other


@pytest.mark.parametrize("interval_cs", [1, 25, 100])
def test_a_client_hardly_notices_that_nginx_was_killed(lan: Lan, interval_cs: int) -> None:
    with two(lan, interval_cs) as (one, other):
        client = HTTPClient(lan.host("client"), VIP)
        time.sleep(2)  # the engines greet each other once a second
        begin_s = time.monotonic()
        one.sidecar.stop(signal.SIGKILL)
        death_ms = (time.monotonic() - begin_s) * 1000
        assert other.speaker.wait_until("Active").reason == "Handover"
        assert one.speaker.wait_until("Backup").ailments == ("NginxGone",)
        time.sleep(0.5)
        timeline = client.timeline()
        loss_ms = timeline.longest_loss_ms()
        logs = one.speaker.log() + other.speaker.log()
        assert loss_ms <= GAP_MS + death_ms, f"{loss_ms} ms, death {death_ms} ms {timeline.failures()}\n{logs}"
        one.sidecar.start_and_wait()
        one.speaker.wait_until("Active")


def test_a_worker_that_dies_is_replaced_by_nginx_and_moves_nothing(lan: Lan) -> None:
    with two(lan) as (one, _other):
        for _ in range(3):
            _kill_a_worker(one.sidecar)
        stays("well", lambda: one.speaker.is_in("Active") and not one.speaker.told().ailments, 0.5)
        assert "nginx is gone" not in one.speaker.log()


def test_an_nginx_that_hangs_is_found_by_the_slow_check_and_not_by_the_open_connection(lan: Lan) -> None:
    with two(lan) as (one, _other):
        hanging = one.sidecar.processes()
        for pid in hanging:
            os.kill(pid, signal.SIGSTOP)
        ok, why = check(one.sidecar.run / "status.sock", 0.5)
        assert (ok, "timed out" in why) == (False, True), why
        assert one.speaker.told().ailments == ()
        for pid in hanging:
            os.kill(pid, signal.SIGCONT)
        wait_for("it answers", lambda: check(one.sidecar.run / "status.sock")[0])


def test_an_nginx_without_a_descriptor_left_is_found_by_the_slow_check_and_recovers(lan: Lan) -> None:
    with two(lan) as (one, _other):
        for pid in one.sidecar.processes()[1:]:
            _limit_descriptors(one.sidecar, pid, 30)
        client = lan.host("client")
        kept = client.start("python3", "-c", _CROWD, stdin=-1, stdout=-1)
        assert kept.stdout is not None
        kept.stdout.readline()
        wait_for("nginx complains", lambda: "Too many open files" in one.sidecar.log.read_text())
        ok, why = check(one.sidecar.run / "status.sock", 0.5)
        assert ok is False, why
        assert one.speaker.told().ailments == ()
        kept.kill()
        wait_for("it answers", lambda: check(one.sidecar.run / "status.sock")[0])
        assert "nginx is gone" not in one.speaker.log()


_CROWD = f"""
import socket, sys
kept = []
for _ in range(200):
    kept.append(socket.socket()); kept[-1].setblocking(False); kept[-1].connect_ex(("{VIP}", 80))
print(flush=True); sys.stdin.read()
"""


class _Sidecars:
    def __init__(self) -> None:
        self._all: list[Sidecar] = []

    def add(self, namespace: str) -> Sidecar:
        self._all.append(Sidecar(namespace=namespace))
        return self._all[-1]

    def close(self) -> None:
        for item in self._all:
            item.close()


def _node(lan: Lan, name: str, sidecars: _Sidecars) -> Node:
    """The folder of nginx is the sidecar's volume, as in the pod."""
    speaker = Speaker(lan.host(name), nginx=True)
    sidecar = sidecars.add(speaker.host.namespace)
    folder = speaker.run_dir / "nginx"
    folder.rmdir()
    folder.symlink_to(sidecar.run)
    return Node(speaker, sidecar)


def _takes_part(speaker: Speaker) -> bool:
    return speaker.told().state != "Initialize" if speaker.status() else False


def _kill_a_worker(sidecar: Sidecar) -> None:
    before = _workers(sidecar)
    os.kill(min(before), signal.SIGKILL)
    wait_for("there is another", lambda: len(_workers(sidecar) - before) == 1)


def _workers(sidecar: Sidecar) -> set[int]:
    """But for one of before a reload, which stays for its connections."""
    commands = {pid: command_line(pid) for pid in sidecar.processes()[1:]}
    return {pid for pid, line in commands.items() if b"worker" in line and b"shutting down" not in line}


def _limit_descriptors(sidecar: Sidecar, pid: int, most: int) -> None:
    """By the process's own user: the tests' root may lack CAP_SYS_RESOURCE."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    ids = [f"--reuid={status['Uid'].split()[0]}", f"--regid={status['Gid'].split()[0]}", "--clear-groups"]
    sidecar.in_namespace("setpriv", *ids, "prlimit", "--pid", str(pid), f"--nofile={most}:")


def _configure(sidecar: Sidecar, wanted: RenderedVirtualIP) -> None:
    reports: queue.SimpleQueue[NginxReport] = queue.SimpleQueue()
    what = Wanted((wanted,), READINESS_PORT)
    NginxConfigurator(NginxFiles(sidecar.run), reports.put).want(what)
    while True:
        report = reports.get(timeout=30)
        if report.ok and report.generation == what.render().generation:
            return
