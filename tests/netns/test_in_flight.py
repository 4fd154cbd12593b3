"""What lasting connections see of a planned move, through the address and a real nginx on each host.

docs/nginx.md ("Requests in flight") tells people what is asserted here. The stage is the benchmarks'
(tests/bench/planned.py, tests/bench/pods.py).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.members import Wish
from tests.bench.planned import PlannedPair, planned_pair
from tests.bench.pods import VipkeeperPod
from tests.netns.connections import CLOSED, OPEN, RESET, Connections
from tests.netns.lan import Host
from vipkeeper.ipc.rendered import NodeShare
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "nginx", "unshare", "setpriv")]

BACKENDS = Path(__file__).with_name("backend_servers.py")
SOON_S = 1.5
"""Clients learn it in milliseconds; a busy machine may take longer."""


class Pod(VipkeeperPod):
    """With servers behind nginx."""

    section = NginxSection(http=(HTTPServer(port=80, servers=(UpstreamServer("127.0.0.1", 8001),)),))

    def __init__(self, host: Host, wish: Wish, peers: Mapping[str, Sequence[str]]) -> None:
        super().__init__(host, wish, peers)
        backends = host.start(sys.executable, str(BACKENDS), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert backends.stdout is not None
        backends.stdout.readline()

    def prefer(self, name: str) -> None:
        """As after `vipkeeper.dev/move-to: NAME`."""
        others = [other for other in self.document.nodes if other != name]
        ranks = {node: rank for rank, node in enumerate([name, *others])}
        nodes = {
            node: NodeShare(200 - 50 * ranks[node], ranks[node], share.segment_addresses)
            for node, share in self.document.nodes.items()
        }
        self.document = replace(self.document, generation=self.document.generation + 1, nodes=nodes)
        self.configure()
        self.reload()


@pytest.fixture
def pair() -> Iterator[PlannedPair]:
    with planned_pair("in flight", Pod, Wish()) as made:
        made.settle()
        yield made


def _stop(pair: PlannedPair) -> None:
    pair.one.stop()


def _move(pair: PlannedPair) -> None:
    for pod in (pair.one, pair.two):
        assert isinstance(pod, Pod)
        pod.prefer("two")


def log_of(pair: PlannedPair) -> str:
    assert isinstance(pair.one, Pod)
    return pair.one.speaker.log()


@pytest.mark.parametrize("leave", [_stop, _move])
def test_keep_alive_clients_are_told_before_the_address_goes(
    pair: PlannedPair, leave: Callable[[PlannedPair], None]
) -> None:
    connections = Connections(pair.client, pair.wish.vip)
    began_s = time.monotonic()
    leave(pair)
    pair.wait_for_owner("two")
    moved_s = next(c.at_ns for c in pair.owners.changes(int(began_s * 1e9)) if c.node == "two" and c.present) / 1e9
    time.sleep(SOON_S)
    ends = connections.ends()
    said = f"{ends}\n{log_of(pair)}"
    assert ends["idle"].how == CLOSED, said
    assert ends["idle"].at_s < moved_s + 0.05, said
    assert ends["idle"].again, "a request on another connection is answered"
    assert ends["busy"].how in (CLOSED, RESET), said
    assert ends["busy"].again, "a request on another connection is answered"
    assert ends["websocket"].how == RESET, "who says something learns at once"
    assert ends["websocket"].at_s < moved_s + SOON_S, said
    # Who only listens learns nothing: what would be said to it is said by nobody any more.
    assert ends["download"].how == ends["listener"].how == OPEN, said


def test_without_a_move_nobody_is_told_anything(pair: PlannedPair) -> None:
    """The counter-test: it was not the watching that closed them."""
    connections = Connections(pair.client, pair.wish.vip)
    assert isinstance(pair.two, Pod)
    pair.two.stop()
    pair.two.wait()
    time.sleep(0.5)
    assert {end.how for end in connections.ends().values()} == {OPEN}
    assert "closes idle connections" not in log_of(pair) + pair.two.speaker.log()


def test_an_nginx_that_hangs_is_not_waited_for(pair: PlannedPair) -> None:
    assert isinstance(pair.one, Pod)
    assert isinstance(pair.two, Pod)
    for pid in pair.one.nginx.sidecar.processes():
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
    began_s = time.monotonic()
    pair.one.stop()
    pair.wait_for_owner("two")
    assert time.monotonic() - began_s < 3
    pair.one.wait()
    assert "reason=Handover" in pair.two.speaker.log()
