"""`spec.health` on plain hosts: real HTTP servers that stop and come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.standalone import VIP, Standalone, preferring, virtualip, write

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

EXAMPLE = Path(__file__).parents[2] / "examples/standalone/vip.yaml"
PORT = 8080
FAST: dict[str, Any] = {"port": PORT, "interval": "100ms", "timeout": "500ms"}


class Server:
    """`python3 -m http.server` on all addresses of a host: 200 for a file that is there, 404 else."""

    def __init__(self, host: Host, port: int = PORT, page: str = "ready") -> None:
        self.host = host
        self.port = port
        self.folder = host.lan.folder / f"www-{host.name}-{port}"
        self.folder.mkdir()
        (self.folder / page).write_text("yes")
        self.start()

    def start(self) -> None:
        self.process = self.host.start(
            *(sys.executable, "-m", "http.server", str(self.port), "--directory", str(self.folder)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def pair(lan: Lan, file: Path) -> tuple[Standalone, Standalone, list[Server]]:
    hosts = [lan.host(name) for name in ("one", "two")]
    servers = [Server(host) for host in hosts]
    one, two = (Standalone(host, file).start() for host in hosts)
    wait_for(f"one has it\n{one.log()}", lambda: lan.owners(VIP) == ["one"])
    wait_for("both are checked", lambda: all("healthy=True" in run.log() for run in (one, two)))
    return one, two, servers


def test_a_host_whose_http_server_stops_gives_the_address_away_until_it_is_back(lan: Lan, tmp_path: Path) -> None:
    health = {"http": [FAST | {"path": "/ready"}]}
    one, _two, servers = pair(lan, write(tmp_path / "vip.yaml", preferring({"one": 200}, health=health)))
    servers[0].stop()
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"])
    said = f'source=HTTPCheckFailed healthy=False detail="GET http://127.0.0.1:{PORT}/ready: Connection refused"'
    assert f"health vip=web {said}" in one.log()
    assert "reason=Unhealthy priority=1" in one.log()
    servers[0].start()
    wait_for("one has it again, alone", lambda: lan.owners(VIP) == ["one"])


def test_a_bad_status_counts_and_when_all_are_ill_one_still_holds_the_address(lan: Lan, tmp_path: Path) -> None:
    health = {"http": [FAST | {"path": "/ready"}]}
    one, two, servers = pair(lan, write(tmp_path / "vip.yaml", preferring({"one": 200}, health=health)))
    for server in servers:
        (server.folder / "ready").unlink()
    for run in (one, two):
        run.wait_for_log("healthy=False")
    assert "status 404" in one.log()
    wait_for("exactly one", lambda: len(lan.owners(VIP)) == 1)
    stays("exactly one", lambda: len(lan.owners(VIP)) == 1, 1)
    (servers[1].folder / "ready").write_text("yes")
    wait_for("the healthy one has it", lambda: lan.owners(VIP) == ["two"])


def test_a_tcp_check_does_without_http(lan: Lan, tmp_path: Path) -> None:
    one, _two, servers = pair(lan, write(tmp_path / "vip.yaml", preferring({"one": 200}, health={"tcp": [FAST]})))
    servers[0].stop()
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"])
    assert "source=TCPCheckFailed healthy=False" in one.log()


def test_a_host_that_boots_with_a_dead_server_does_not_take_the_address_first(lan: Lan, tmp_path: Path) -> None:
    """Its checks need two seconds to be sure. It waits for them, behind the host that is known to be good."""
    health = {"tcp": [{"port": PORT, "interval": "1s", "fall": 3}]}
    file = write(tmp_path / "vip.yaml", preferring({"one": 200}, health=health))
    hosts = [lan.host(name) for name in ("one", "two")]
    Server(hosts[1])
    two = Standalone(hosts[1], file).start()
    wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
    one = Standalone(hosts[0], file).start()
    one.wait_for_log("healthy=False")
    one.wait_for_log("state=backup")
    stays("it stays there", lambda: lan.owners(VIP) == ["two"], 0.5)
    assert one.states() == ["backup"]
    assert two.states() == ["backup", "active"]


def test_checks_that_come_change_and_go_with_sighup_move_nothing(lan: Lan, tmp_path: Path) -> None:
    file = write(tmp_path / "vip.yaml", virtualip())
    host = lan.host("one")
    server = Server(host)
    one = Standalone(host, file).start()
    wait_for("one has it", lambda: host.has(VIP))
    one.reload(virtualip(health={"tcp": [FAST]}))
    one.wait_for_log("source=TCPCheckFailed healthy=True")
    one.reload(virtualip(health={"http": [FAST | {"path": "/ready"}]}))
    one.wait_for_log("source=HTTPCheckFailed healthy=True")
    assert one.states() == ["backup", "active"]
    server.stop()
    one.wait_for_log("source=HTTPCheckFailed healthy=False")
    one.wait_for_log("reason=Unhealthy")
    one.reload(virtualip())
    one.wait_for_log("reloaded: changed=web", times=3)
    wait_for("healthy again without checks", lambda: host.has(VIP))
    before = one.states()
    stays("nothing moves", lambda: one.states() == before and host.has(VIP), 0.5)


def test_verdicts_survive_the_engine(lan: Lan, tmp_path: Path) -> None:
    health = {"http": [FAST | {"path": "/ready"}]}
    one, two, servers = pair(lan, write(tmp_path / "vip.yaml", preferring({"one": 200}, health=health)))
    servers[0].stop()
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"])
    before = two.states()
    one.host.run("kill", "-9", str(one.engine))
    one.wait_for_log("engine started", times=2)
    stays("one is still ill", lambda: lan.owners(VIP) == ["two"], 1)
    assert two.states() == before


def test_the_example_of_two_hosts_that_are_both_at_work(lan: Lan) -> None:
    hosts = [lan.host(name) for name in ("lb1", "lb2")]
    servers = [(Server(host, 80, "healthz"), Server(host, 5432)) for host in hosts]
    runs = [Standalone(host, EXAMPLE).start() for host in hosts]
    wait_for("each has its own", lambda: (lan.owners("192.0.2.10"), lan.owners("192.0.2.11")) == (["lb1"], ["lb2"]))
    assert lan.owners("2001:db8::10") == ["lb1"]
    servers[0][0].stop()
    wait_for("lb2 has both", lambda: lan.owners("192.0.2.10") == lan.owners("2001:db8::10") == ["lb2"])
    assert lan.owners("192.0.2.11") == ["lb2"]
    assert [run.stop() for run in runs] == [0, 0]


def test_while_nobody_looks_what_was_known_stands(lan: Lan, tmp_path: Path) -> None:
    """SIGSTOP stops whoever checks, not the engine: it goes on with the last verdict, also while the server hangs."""
    health = {"http": [FAST | {"path": "/ready", "fall": 1}]}
    one, _two, servers = pair(lan, write(tmp_path / "vip.yaml", preferring({"one": 200}, health=health)))
    assert one.process is not None
    os.kill(one.process.pid, signal.SIGSTOP)
    servers[0].process.send_signal(signal.SIGSTOP)
    try:
        stays("one has it, for nobody knows", lambda: lan.owners(VIP) == ["one"], 2.0)
    finally:
        servers[0].process.send_signal(signal.SIGCONT)
        os.kill(one.process.pid, signal.SIGCONT)
    stays("one has it", lambda: lan.owners(VIP) == ["one"], 1.5)
    assert "healthy=False" not in one.log(), one.log()
    servers[0].process.send_signal(signal.SIGSTOP)
    wait_for("now somebody looks", lambda: lan.owners(VIP) == ["two"])
    servers[0].process.send_signal(signal.SIGCONT)
