"""operator/vipkeeper/checks/checker.py, against real sockets."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.unit.checks.servers import free_port, serving
from vipkeeper.checks.checker import Checker, Watched, verdict_of
from vipkeeper.health.rise_fall import RiseFall, Verdict
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, HTTPCheck, TCPCheck

LOOPBACK = ip_address("127.0.0.1")
OK = b"HTTP/1.1 200 OK\r\n\r\n"
Told = queue.SimpleQueue[Health]


def tcp(port: int, fall: int = 3, interval_ms: int = 20) -> TCPCheck:
    return TCPCheck(LOOPBACK, port, interval_ms, 1000, 2, fall)


def http(port: int, timeout_ms: int = 1000) -> HTTPCheck:
    return HTTPCheck(LOOPBACK, port, 20, timeout_ms, 2, 3, path="/")


@pytest.fixture
def told() -> Told:
    return queue.SimpleQueue()


@pytest.fixture
def checker(told: Told) -> Iterator[Checker]:
    checker = Checker(told.put)
    yield checker
    checker.close()


def test_the_first_good_check_is_told_then_the_failure_and_its_end(checker: Checker, told: Told) -> None:
    with serving(OK) as server:
        checker.want({"web": HealthSection(http=(http(server.port),))})
        assert told.get(timeout=10) == Health(HealthSource.HTTP_CHECK, True, "", "web")
    bad = told.get(timeout=10)
    assert (bad.source, bad.healthy, bad.name) == (HealthSource.HTTP_CHECK, False, "web")
    assert bad.detail == f"GET http://127.0.0.1:{server.port}/: Connection refused"
    with serving(OK, port=server.port):
        assert told.get(timeout=10).healthy
    assert told.get(timeout=10).healthy is False


def test_a_doubted_document_is_checked_at_once_and_the_first_bad_check_decides(checker: Checker, told: Told) -> None:
    slow = TCPCheck(LOOPBACK, free_port(), 3_600_000, 1000, 2, 3)
    with serving(b"", port=slow.port):
        checker.want({"web": HealthSection(tcp=(slow,))})
        assert told.get(timeout=10).healthy
        checker.doubt("web")
        checker.doubt("other")
    checker.doubt("web")
    assert told.get(timeout=10) == Health(
        HealthSource.TCP_CHECK, False, f"tcp 127.0.0.1:{slow.port}: Connection refused", "web"
    )


def test_a_doubt_does_not_double_the_checks(checker: Checker, told: Told) -> None:
    with serving(b"") as server:
        checker.want({"web": HealthSection(tcp=(tcp(server.port, interval_ms=200),))})
        assert told.get(timeout=10).healthy
        for _ in range(50):
            checker.doubt("web")
        while server.connections.acquire(timeout=0.1):
            pass  # those that the doubts have begun
        for _ in range(3):
            assert server.connections.acquire(timeout=10)
            assert not server.connections.acquire(timeout=0.1)
    assert told.empty()


def test_two_nodes_that_start_together_do_not_check_in_step() -> None:
    """Each check is up to 10 ms early or late here. Without that they are apart by what this machine's threads are."""
    times = 15
    with serving(b"") as one, serving(b"") as two:
        nodes = [Checker(lambda _health: None) for _ in range(2)]
        for node, server in zip(nodes, (one, two), strict=True):
            node.want({"web": HealthSection(tcp=(tcp(server.port, interval_ms=100),))})
        for server in (one, two):
            assert all(server.connections.acquire(timeout=10) for _ in range(times))
        for node in nodes:
            node.close()
    apart_ms = [abs(a - b) for a, b in zip(one.connected_ms[:times], two.connected_ms[:times], strict=True)]
    assert max(apart_ms) > 4, apart_ms
    for server in (one, two):
        assert server.connected_ms[times - 1] - server.connected_ms[0] > (times - 1) * 90 * 0.8, "a tenth, not more"


def test_a_server_that_is_silent_fails_by_the_timeout(checker: Checker, told: Told) -> None:
    with serving(None) as server:
        checker.want({"web": HealthSection(http=(http(server.port, timeout_ms=30),))})
        assert told.get(timeout=10).detail.endswith("no answer in time")


def test_all_checks_of_a_source_must_be_good_and_sources_and_documents_are_apart(checker: Checker, told: Told) -> None:
    with serving(OK) as server:
        dead = free_port()
        checker.want(
            {
                "web": HealthSection(http=(http(server.port),), tcp=(tcp(server.port), tcp(dead))),
                "api": HealthSection(tcp=(tcp(server.port),)),
            }
        )
        found = [told.get(timeout=10) for _ in range(3)]
    assert Health(HealthSource.HTTP_CHECK, True, "", "web") in found
    assert Health(HealthSource.TCP_CHECK, True, "", "api") in found
    assert Health(HealthSource.TCP_CHECK, False, f"tcp 127.0.0.1:{dead}: Connection refused", "web") in found


def test_an_edit_that_takes_the_failed_check_away_ends_the_failure(checker: Checker, told: Told) -> None:
    with serving(b"") as server:
        good, bad = tcp(server.port), tcp(free_port(), fall=1)
        checker.want({"web": HealthSection(tcp=(good, bad))})
        assert told.get(timeout=10).healthy is False
        checker.want({"web": HealthSection(tcp=(good,))})
        assert told.get(timeout=10).healthy is True


def test_checks_that_are_not_wanted_any_more_are_not_made(checker: Checker, told: Told) -> None:
    with serving(b"") as other:
        with serving(OK) as server:
            checker.want({"web": HealthSection(http=(http(server.port),))})
            assert told.get(timeout=10).name == "web"
            checker.want({"other": HealthSection(tcp=(tcp(other.port),))})
            assert told.get(timeout=10).name == "other"
        for _ in range(20):  # five times as many as make a failure
            assert other.connections.acquire(timeout=10)
        assert told.empty()


def test_a_verdict_is_told_again_for_a_document_that_comes_back(checker: Checker, told: Told) -> None:
    with serving(b"") as server:
        section = HealthSection(tcp=(tcp(server.port),))
        for _ in range(2):
            checker.want({"web": section})
            assert told.get(timeout=10).healthy
            checker.want({})


def watched(verdict: Verdict, why: str = "") -> Watched:
    return Watched("web", HealthSource.TCP_CHECK, tcp(1), RiseFall(verdict=verdict), why)


def test_unknown_is_neither_healthy_nor_failed() -> None:
    healthy, unknown = watched(Verdict.HEALTHY), watched(Verdict.UNKNOWN)
    failed, other = watched(Verdict.FAILED, "one"), watched(Verdict.FAILED, "two")
    assert verdict_of([]) == (Verdict.UNKNOWN, "")
    assert verdict_of([healthy, unknown]) == (Verdict.UNKNOWN, "")
    assert verdict_of([healthy, healthy]) == (Verdict.HEALTHY, "")
    assert verdict_of([healthy, unknown, failed, other]) == (Verdict.FAILED, "one, two")


def test_a_checker_that_is_late_itself_has_learned_nothing(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    """Its thread is held up for a second, in `tell`, while the silent server's time runs out."""

    def tell(health: Health) -> None:
        told.put(health)
        if health.name == "good":
            time.sleep(1.0)

    checker = Checker(tell)
    try:
        with serving(OK) as server, serving(None) as silent:
            slow = replace(http(silent.port, timeout_ms=100), fall=1)
            checker.want({"good": HealthSection(http=(http(server.port),)), "web": HealthSection(http=(slow,))})
            assert told.get(timeout=10).healthy
            began_s = time.monotonic()
            assert told.get(timeout=10).detail.endswith("no answer in time")
            assert time.monotonic() - began_s > 0.9, "the check that nobody looked at was not counted"
        assert "nobody looked in time either" in caplog.text
    finally:
        checker.close()
