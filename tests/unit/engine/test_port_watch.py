"""operator/vipkeeper/engine/port_watch.py, against real servers. (With whole hosts: tests/netns/test_server_death.py.)"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from tests.unit.engine.samples import web
from tests.unit.engine.test_open_connection import Server
from vipkeeper.engine import port_watch
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.port_watch import PortWatch
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, HTTPCheck, RenderedVirtualIP, TCPCheck
from vipkeeper.vrrp.units import NS_PER_S

LOOPBACK = ip_address("127.0.0.1")
ELSEWHERE = ip_address("fe80::77")  # without a scope: nothing leaves this machine


def checking(port: int, host: IPAddress = LOOPBACK, rise: int = 1, interval_ms: int = 100) -> RenderedVirtualIP:
    return web(health=HealthSection(tcp=(TCPCheck(host, port, interval_ms, 1000, rise, 3),)))


class Scene:
    def __init__(self) -> None:
        self.loop = Loop()
        self.server = Server()
        self.changes = 0
        self.watch = PortWatch(self.loop, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def want(self, *documents: RenderedVirtualIP, here: frozenset[IPAddress] = frozenset()) -> None:
        self.watch.want(documents, here, time.monotonic_ns())

    def refused(self, document: RenderedVirtualIP) -> bool:
        return self.watch.refused(document, time.monotonic_ns())

    def until(self, happened: Callable[[], object], limit_s: float = 10) -> None:
        deadline = time.monotonic() + limit_s
        while not happened():
            assert time.monotonic() < deadline
            self.loop.run_once(0.02)

    def is_connected(self) -> bool:
        return all(connection.alive for connection in self.watch._held.values())


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.watch.close()
    made.server.die()
    made.loop.close()


def test_a_server_that_dies_is_an_ailment_of_those_that_check_it(scene: Scene) -> None:
    document = checking(scene.server.port)
    scene.want(document)
    scene.until(scene.server.accept)
    assert not scene.refused(document)
    scene.server.die()
    scene.until(lambda: scene.changes)
    assert scene.refused(document)
    assert not scene.refused(web())


def test_it_ends_when_the_server_was_there_for_as_long_as_rise_checks_take(scene: Scene) -> None:
    scene.server.die()
    patient, quick = checking(scene.server.port, rise=4, interval_ms=200), checking(scene.server.port)
    scene.want(patient, quick)
    scene.until(lambda: scene.refused(patient) and scene.refused(quick))
    scene.server.live()
    began_ns = time.monotonic_ns()
    scene.until(lambda: not scene.refused(quick))
    assert scene.refused(patient)
    before = scene.changes
    scene.until(lambda: scene.changes > before)  # it says by itself when to look again
    assert not scene.refused(patient)
    assert time.monotonic_ns() - began_ns >= 600_000_000


def test_checks_of_one_server_share_one_connection(scene: Scene) -> None:
    port = scene.server.port
    http = HTTPCheck(LOOPBACK, port, 1000, 1000, 2, 3, path="/a")
    documents = [web(name=f"web{number}", health=HealthSection(http=(http,) * 8)) for number in range(200)]
    scene.want(*documents, checking(port))
    scene.until(scene.server.accept)
    scene.want(*documents)
    for _ in range(10):
        scene.loop.run_once(0.01)
    assert scene.server.accept() is None


def test_servers_elsewhere_are_for_the_slow_checks(scene: Scene) -> None:
    document = checking(9, ELSEWHERE)
    scene.want(document)
    scene.loop.run_once(0.01)
    assert not scene.refused(document)


def test_an_address_that_comes_to_this_host_is_watched_and_one_that_goes_is_not(scene: Scene) -> None:
    """All of 127.0.0.0/8 is here anyway, so this one is pretended to come."""
    document = checking(scene.server.port, ELSEWHERE)
    scene.want(document, here=frozenset({ELSEWHERE}))
    assert scene.watch._held.keys() == {(ELSEWHERE, scene.server.port)}
    scene.want(document)
    assert not scene.watch._held


def test_a_check_that_an_edit_took_away_ails_nobody(scene: Scene) -> None:
    scene.server.die()
    document = checking(scene.server.port)
    scene.want(document)
    scene.until(lambda: scene.refused(document))
    scene.want()
    assert not scene.refused(document)


def said(healthy: bool) -> Health:
    return Health(HealthSource.TCP_CHECK, healthy, name="web")


def test_a_server_that_answers_only_without_our_connection_is_left_alone(
    scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    document = checking(scene.server.port)
    scene.want(document)
    scene.until(scene.is_connected)
    scene.watch.checked(document, said(False), time.monotonic_ns())
    assert not scene.watch._held
    scene.want(document)
    assert not scene.watch._held
    scene.watch.checked(document, said(True), time.monotonic_ns())
    scene.want(document)
    assert not scene.watch._held
    assert "does not answer beside one" in capfd.readouterr().err
    scene.want()
    scene.want(document)  # an edit that takes the check away and another that brings it back
    assert scene.watch._held


def test_one_that_hung_for_long_after_our_connection_was_closed_gets_another(scene: Scene) -> None:
    document = checking(scene.server.port)
    scene.want(document)
    scene.until(scene.is_connected)
    scene.watch.checked(document, said(False), time.monotonic_ns())
    scene.watch.checked(document, said(True), time.monotonic_ns() + 3600 * NS_PER_S)
    scene.want(document)
    assert scene.watch._held


def test_a_connection_that_was_there_for_long_is_not_what_made_the_checks_fail(scene: Scene) -> None:
    document = checking(scene.server.port)
    scene.want(document)
    scene.until(scene.is_connected)
    scene.watch.checked(document, said(False), time.monotonic_ns() + 3600 * NS_PER_S)
    assert scene.watch._held
    scene.watch.checked(document, Health(HealthSource.PODS, False, name="web"), time.monotonic_ns())
    assert scene.watch._held


def test_there_is_a_limit(scene: Scene, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(port_watch, "MAX_CONNECTIONS", 3)
    scene.want(*(checking(port) for port in range(50001, 50006)))
    assert len(scene.watch._held) == 3
    assert "more servers are checked than connections are held open to servers=5 held=3" in capfd.readouterr().err
