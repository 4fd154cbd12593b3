"""operator/vipkeeper/checks/probe.py, against real sockets."""

from __future__ import annotations

import errno
import selectors
import socket
import time
from ipaddress import ip_address

import pytest

import vipkeeper
from tests.unit.checks.servers import free_port, serving
from vipkeeper.checks.probe import Outcome, Probe, label_of
from vipkeeper.ipc.rendered import Check, HTTPCheck, TCPCheck


def http(port: int, host: str = "127.0.0.1", path: str = "/ready", timeout_ms: int = 5000) -> HTTPCheck:
    return HTTPCheck(ip_address(host), port, 1000, timeout_ms, 2, 3, path=path)


def tcp(port: int, host: str = "127.0.0.1", timeout_ms: int = 5000) -> TCPCheck:
    return TCPCheck(ip_address(host), port, 1000, timeout_ms, 2, 3)


def outcome_of(check: Check) -> Outcome:
    """As the checker's thread brings it about."""
    probe = Probe(check, time.monotonic())
    while probe.outcome is None:
        assert probe.socket is not None
        with selectors.DefaultSelector() as selector:
            selector.register(probe.socket, probe.events)
            ready = selector.select(max(0.0, probe.deadline_s - time.monotonic()))
        if ready:
            probe.ready()
        else:
            probe.too_late()
    assert probe.socket is None
    return probe.outcome


@pytest.mark.parametrize(
    ("status", "ok"), [(199, False), (200, True), (302, True), (399, True), (400, False), (503, False)]
)
def test_a_status_from_200_to_399_is_good(status: int, ok: bool) -> None:
    with serving(f"HTTP/1.1 {status} whatever\r\n\r\n".encode()) as server:
        found = outcome_of(http(server.port))
    assert found == Outcome(ok, f"GET http://127.0.0.1:{server.port}/ready: status {status}")


def test_the_request_is_one_that_every_server_understands() -> None:
    with serving(b"HTTP/1.0 200 OK\r\n\r\n") as server:
        assert outcome_of(http(server.port, path="/a?b=c")).ok
    lines = server.requests[0].decode().split("\r\n")
    assert lines[:2] == ["GET /a?b=c HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    assert f"User-Agent: vipkeeper/{vipkeeper.__version__}" in lines
    assert "Connection: close" in lines


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "an answer that is not HTTP"),
        (b"x" * 5000, "an answer that is not HTTP"),
        (b"HTTP/1.1 2", "closed without an answer"),
    ],
)
def test_what_is_no_http_answer_is_bad(answer: bytes, why: str) -> None:
    with serving(answer) as server:
        found = outcome_of(http(server.port))
    assert (found.ok, found.why.rpartition(": ")[2]) == (False, why)


def test_a_connection_is_enough_for_tcp_in_both_families() -> None:
    with serving(b"") as server:
        assert outcome_of(tcp(server.port)) == Outcome(True, f"tcp 127.0.0.1:{server.port}: connected")
    with serving(b"", socket.AF_INET6) as server:
        assert outcome_of(tcp(server.port, host="::1")) == Outcome(True, f"tcp [::1]:{server.port}: connected")


def test_nobody_there_is_bad() -> None:
    for found in (outcome_of(tcp(free_port())), outcome_of(http(free_port()))):
        assert (found.ok, found.why.rpartition(": ")[2]) == (False, "Connection refused")


def test_silence_is_bad_when_the_time_is_over() -> None:
    with serving(None) as server:
        found = outcome_of(http(server.port, timeout_ms=50))
    assert (found.ok, found.why.rpartition(": ")[2]) == (False, "no answer in time")


def test_a_connection_that_met_itself_is_a_refused_one() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.connect(("127.0.0.1", port))  # so this can happen
        assert probe.getsockname() == probe.getpeername()
        under_way = Probe(tcp(free_port()), time.monotonic())
        under_way.close()
        under_way.socket = socket.socket(fileno=socket.dup(probe.fileno()))
        under_way.ready()
    found = under_way.outcome
    assert found is not None
    assert found.ok is False


def test_our_own_want_teaches_nothing_about_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_descriptor(*_arguments: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket, "socket", no_descriptor)
    outcome = Probe(tcp(80), time.monotonic()).outcome
    assert outcome is not None
    assert outcome.ok is None


def test_labels_tell_what_is_checked() -> None:
    assert label_of(http(80, host="::1")) == "GET http://[::1]:80/ready"
    assert label_of(tcp(53)) == "tcp 127.0.0.1:53"
