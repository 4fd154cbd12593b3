"""What lasting connections see of a planned move, through the address and a real nginx on each host.

docs/nginx.md ("Requests in flight") tells people what is asserted here. The stage is the benchmarks'
(tests/bench/planned.py, tests/bench/pods.py).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.bench.members import Wish
from tests.bench.planned import PlannedPair, planned_pair
from tests.bench.pods import VipkeeperPod
from tests.netns.connections import CLOSED, OPEN, RESET, Connections, End
from tests.netns.lan import Host
from vipkeeper.ipc.rendered import NodeShare
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "nginx", "unshare", "setpriv")]

BACKENDS = Path(__file__).with_name("backend_servers.py")
SOON_S = 1.5
"""Clients learn it in milliseconds; a busy machine may take longer."""
TRIES = 3
"""A worker that gets no processor for 50 ms misses the moment, which costs its clients a reset and no more."""


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
        self._change(
            {node: replace(self.document.nodes[node], priority=200 - 50 * n, rank=n) for node, n in ranks.items()}
        )

    def drain(self, name: str, why: str) -> None:
        """As when its node is drained; "": not any more."""
        self._change({name: replace(self.document.nodes[name], leaving=why)})

    def _change(self, shares: dict[str, NodeShare]) -> None:
        document = self.document
        self.document = replace(document, generation=document.generation + 1, nodes=document.nodes | shares)
        self.configure()
        self.reload()


@pytest.fixture
def pair() -> Iterator[PlannedPair]:
    with planned_pair("in flight", Pod, Wish()) as made:
        made.settle()
        yield made


@dataclass(frozen=True, slots=True)
class Leave:
    name: str
    act: Callable[[PlannedPair], None]
    back: Callable[[PlannedPair], None]


def _each(pair: PlannedPair, change: Callable[[Pod], None]) -> None:
    for pod in (pair.one, pair.two):
        assert isinstance(pod, Pod)
        change(pod)


def _start_again(pair: PlannedPair) -> None:
    pair.one.wait()
    pair.one.start()


WAYS = (
    Leave("stop", lambda pair: pair.one.stop(), _start_again),
    Leave(
        "move",
        lambda pair: _each(pair, lambda pod: pod.prefer("two")),
        lambda pair: _each(pair, lambda pod: pod.prefer("one")),
    ),
    Leave(
        "drain",
        lambda pair: _each(pair, lambda pod: pod.drain("one", "Draining")),
        lambda pair: _each(pair, lambda pod: pod.drain("one", "")),
    ),
)


def log_of(pair: PlannedPair) -> str:
    assert isinstance(pair.one, Pod)
    return pair.one.speaker.log()


def _see_it_leave(pair: PlannedPair, leave: Leave) -> tuple[dict[str, End], float]:
    """How connections ended, and when the other one had the address."""
    pair.settle()
    connections = Connections(pair.client, pair.wish.vip)
    began_ns = time.monotonic_ns()
    leave.act(pair)
    pair.wait_for_owner("two")
    time.sleep(SOON_S)
    changes = pair.owners.changes(began_ns)
    moved_s = next(change.at_ns for change in changes if change.node == "two" and change.present) / 1e9
    return connections.ends(), moved_s


@pytest.mark.parametrize("leave", WAYS, ids=lambda leave: leave.name)
def test_keep_alive_clients_are_told_before_the_address_goes(pair: PlannedPair, leave: Leave) -> None:
    for _ in range(TRIES):
        ends, moved_s = _see_it_leave(pair, leave)
        if ends["idle"].how == CLOSED:
            break
        leave.back(pair)
    said = f"moved at {moved_s}: {ends}\n{log_of(pair)}"
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
