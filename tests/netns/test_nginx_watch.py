"""nginx's unix socket dies: the node yields. It comes back: so does the address. (nginx itself: the e2e tests.)"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Pinger, Speaker, document
from vipkeeper.ipc.messages import Health, HealthSource

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"


class StatusSocket:
    """What nginx is to the engine: somebody who accepts."""

    def __init__(self, speaker: Speaker) -> None:
        self._path: Path = speaker.run_dir / "nginx" / "status.sock"
        self._lan = speaker.host.lan
        self._listener: socket.socket | None = None
        self._lan.at_end.callback(self.die)
        self.live()

    def live(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._listener.listen(8)

    def hang_up_once(self) -> None:
        """As a reload does: close the connection, go on listening."""
        assert self._listener is not None
        connection, _address = self._listener.accept()
        connection.close()

    def die(self) -> None:
        """The socket's file stays, as after SIGKILL: connections are refused."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def two(lan: Lan) -> tuple[Speaker, Speaker, StatusSocket]:
    one, other = (Speaker(lan.host(name), nginx=True) for name in ("one", "two"))
    nginx = StatusSocket(one)
    StatusSocket(other)
    for speaker in (one, other):
        speaker.start().apply(document({"one": 200, "two": 100}, VIP, nginx=True))
    one.wait_until("Active")
    other.wait_until("Backup")
    return one, other, nginx


def test_a_dead_nginx_makes_the_node_yield_and_a_living_one_brings_it_back(lan: Lan) -> None:
    one, other, nginx = two(lan)
    client = lan.host("client")
    wait_for("the address answers", lambda: client.answers(VIP))
    pings = Pinger(client, VIP)
    nginx.die()
    other.wait_until("Active")
    status = one.wait_until("Backup")
    assert (status.reason, status.priority, status.ailments) == ("Unhealthy", 1, ("NginxGone",))
    nginx.live()
    status = one.wait_until("Active")
    assert (status.priority, status.ailments) == (200, ())
    wait_for("one owner", lambda: lan.owners(VIP) == ["one"])
    assert pings.longest_gap_ms() < 1000


def test_a_connection_that_nginx_closes_is_made_anew_and_nobody_notices(lan: Lan) -> None:
    one, _other, nginx = two(lan)
    before = one.agent.transitions()
    for _ in range(10):
        nginx.hang_up_once()
    stays("Active", lambda: one.is_in("Active"), 1)
    assert one.agent.transitions() == before


def test_a_full_queue_is_not_death(lan: Lan) -> None:
    one, _other, nginx = two(lan)
    path = str(one.run_dir / "nginx" / "status.sock")
    crowd: list[socket.socket] = []
    while True:
        visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        lan.at_end.callback(visitor.close)
        visitor.setblocking(False)
        if visitor.connect_ex(path):
            break
        crowd.append(visitor)
    nginx.hang_up_once()  # the engine's: the first in the queue; its place is taken before it is back
    visitor.connect_ex(path)
    stays("Active", lambda: one.is_in("Active"), 1)


def test_a_node_whose_nginx_was_never_there_waits_at_priority_one_and_takes_what_nobody_else_does(lan: Lan) -> None:
    one, other = (Speaker(lan.host(name), nginx=True) for name in ("one", "two"))
    StatusSocket(other)
    for speaker in (one, other):
        speaker.start().apply(document({"one": 200, "two": 100}, VIP, nginx=True))
    other.wait_until("Active")
    status = one.wait_until("Backup")
    assert (status.priority, status.ailments) == (1, ("NginxGone",))
    other.host.cut()
    one.wait_until("Active")
    other.host.heal()
    one.wait_until("Backup")
    wait_for("one owner", lambda: lan.owners(VIP) == ["two"])


def test_an_engine_killed_beside_a_living_nginx_does_not_yield(lan: Lan) -> None:
    one, other, _nginx = two(lan)
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    assert one.wait_until("Active").reason == "Resumed"
    stays("Active", lambda: one.is_in("Active") and other.is_in("Backup"), 1.5)
    assert "Unhealthy" not in one.log()


def test_what_the_agent_said_last_stays_when_it_is_gone_and_when_the_engine_is_another(lan: Lan) -> None:
    one, other, _nginx = two(lan)
    one.agent.send(Health(HealthSource.CHECK, False, "503"))
    other.wait_until("Active")
    one.leave_agent()
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    status = one.wait_until("Backup")
    assert status.ailments == ("NginxCheckFailed",)
    stays("ill", lambda: one.is_in("Backup"), 1.5)
    one.agent.send(Health(HealthSource.CHECK, True))
    one.wait_until("Active")


def test_documents_without_nginx_do_not_care(lan: Lan) -> None:
    one = Speaker(lan.host("one"), nginx=True).start()
    one.apply(document({"one": 200}, VIP))
    assert one.wait_until("Active").priority == 200


def test_nginx_may_listen_on_addresses_that_are_elsewhere(lan: Lan) -> None:
    """ip_nonlocal_bind of both families is set where a document has an nginx section."""
    one = Speaker(lan.host("one"), nginx=True).start()
    knobs = ["net.ipv4.ip_nonlocal_bind", "net.ipv6.ip_nonlocal_bind"]
    assert one.host.run("sysctl", "-n", *knobs).split() == ["0", "0"]
    one.apply(document({"one": 200}, VIP, nginx=True))
    one.wait_until("Active")
    assert one.host.run("sysctl", "-n", *knobs).split() == ["1", "1"]
