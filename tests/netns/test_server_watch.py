"""How a server that `health` checks is watched: whoever lives is not called dead, plain servers too, and at what cost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.own_nginx import Nginx
from tests.netns.speaker import Speaker, document
from tests.netns.standalone import VIP
from tests.netns.test_server_death import QUICK, SLOW, _get, moved, pair, with_nginx
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, TCPCheck

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nginx")]


def test_a_worker_that_dies_is_replaced_by_nginx_and_moves_nothing(lan: Lan, tmp_path: Path) -> None:
    runs, (nginx, _other) = with_nginx(lan, tmp_path, SLOW)
    one = runs[0]
    for _ in range(3):
        _kill_a_worker(nginx)
    stays("one has it", lambda: lan.owners(VIP) == ["one"], 0.5)
    assert one.states() == ["backup", "active"]


def test_a_reload_moves_nothing(lan: Lan, tmp_path: Path) -> None:
    """The old worker that has our idle connection stays with it until nginx' client_header_timeout."""
    runs, (nginx, _other) = with_nginx(lan, tmp_path, SLOW)
    one = runs[0]
    for _ in range(3):
        _reload(nginx)
    stays("one has it", lambda: lan.owners(VIP) == ["one"], 0.5)
    assert one.states() == ["backup", "active"]


def test_an_engine_without_a_descriptor_left_says_nothing_about_a_server_that_lives(lan: Lan, tmp_path: Path) -> None:
    runs, (nginx, _other) = with_nginx(lan, tmp_path, SLOW)
    one = runs[0]
    engine = one.engine
    one.host.run("prlimit", "--pid", str(engine), "--nofile=8:4096")
    os.kill(nginx.master, signal.SIGHUP)  # which closes the connection that was open
    before_s = _cpu_s(engine)
    stays("one has it", lambda: lan.owners(VIP) == ["one"], 1.5)
    assert _cpu_s(engine) - before_s < 0.75
    assert "nobody listens" not in one.log()
    one.host.run("prlimit", "--pid", str(engine), "--nofile=4096:4096")
    wait_for("it looks again", lambda: _connections(one.host) >= 1)
    nginx.kill_all()
    moved(lan, runs, "two")


def test_a_tcp_server_that_is_killed_costs_no_checks_and_none_of_its_return_flaps(lan: Lan, tmp_path: Path) -> None:
    check = SLOW | {"port": 5432, "rise": 2, "fall": 100, "interval": "1s"}
    runs, servers = pair(lan, tmp_path, {"tcp": [check]}, lambda host: _listen(host, 5432))
    one = runs[0]
    servers[0].kill()
    servers[0].wait()
    moved(lan, runs, "two")
    for _ in range(3):  # a crash loop that is never there for as long as two checks take
        crashing = _listen(one.host, 5432)
        time.sleep(0.3)
        crashing.kill()
        crashing.wait()
    assert lan.owners(VIP) == ["two"]
    assert one.states() == ["backup", "active", "backup"]
    _listen(one.host, 5432)
    moved(lan, runs, "one", 30)


def test_it_works_on_an_address_of_the_host_and_in_ipv6(lan: Lan, tmp_path: Path) -> None:
    """The file is the same for both hosts, so the address is one that both have, on their loopback interface."""
    checks = [SLOW | {"port": 5432, "host": "2001:db8:1::1"}, SLOW | {"port": 5433, "host": "::1"}]
    runs, servers = pair(lan, tmp_path, {"tcp": checks}, _listen_to_both)
    servers[0][0].kill()
    moved(lan, runs, "two")
    servers[1][1].kill()
    runs[1].wait_for_log('server="::1 port 5433"')


def test_a_server_that_serves_one_connection_at_a_time_is_not_blocked_for_long(lan: Lan, tmp_path: Path) -> None:
    program = (
        "import http.server as h; s = h.HTTPServer(('', 80), h.SimpleHTTPRequestHandler)\n"
        "print(flush=True); s.serve_forever()"
    )

    def serve(host: Host) -> subprocess.Popen[Any]:
        command = (sys.executable, "-c", program)
        process = host.start(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=tmp_path)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    runs, _servers = pair(lan, tmp_path, {"http": [QUICK]}, serve)
    for run in runs:
        run.wait_for_log("does not answer beside one")
    moved(lan, runs, "one", 30)
    stays("it serves", lambda: _get(lan.hosts[1], VIP) != "" and lan.owners(VIP) == ["one"], 2)


def test_the_engine_alone_is_enough(lan: Lan) -> None:
    """Nobody checks slowly: the agent is away."""
    health = HealthSection(tcp=(TCPCheck(ip_address("127.0.0.1"), 5432, 10_000, 1000, 1, 3),))
    wanted = replace(document({"one": 200, "two": 100}, VIP), health=health)
    one, two = runs = [Speaker(lan.host(name)) for name in ("one", "two")]
    servers = [_listen(speaker.host, 5432) for speaker in runs]
    for speaker in runs:
        speaker.start().apply(wanted)
        speaker.agent.send(Health(HealthSource.TCP_CHECK, True, name="web"))
    one.wait_until("Active")
    two.wait_until("Backup")
    for speaker in runs:
        speaker.leave_agent()
    servers[0].kill()
    moved(lan, runs, "two")
    assert one.wait_until("Backup").ailments == ("ConnectionRefused",)
    one.leave_agent()
    _listen(one.host, 5432)
    moved(lan, runs, "one", 30)


def test_one_connection_for_all_documents_that_check_one_server(lan: Lan) -> None:
    host = lan.host("one")
    health = HealthSection(tcp=(TCPCheck(ip_address("127.0.0.1"), 5432, 10_000, 1000, 1, 3),) * 8)
    speaker = Speaker(host).start()
    _listen(host, 5432)
    for number in range(1, 21):
        plain = document({"one": 200}, f"192.0.2.{100 + number}", name=f"vip-{number}", vrid=number)
        speaker.apply(replace(plain, health=health))
    wait_for("all are known", lambda: all(speaker.status(f"vip-{number}") for number in range(1, 21)))
    wait_for("it is connected", lambda: _connections(host, 5432) == 1)
    stays("one is enough", lambda: _connections(host, 5432) == 1, 0.5)


def _listen_to_both(host: Host) -> tuple[subprocess.Popen[Any], subprocess.Popen[Any]]:
    host.run("ip", "address", "add", "2001:db8:1::1/128", "dev", "lo")
    return _listen(host, 5432), _listen(host, 5433)


def _kill_a_worker(nginx: Nginx) -> None:
    before = set(nginx.workers())
    os.kill(min(before), signal.SIGKILL)
    wait_for("there is another", lambda: len(set(nginx.workers()) - before) == 1)


def _reload(nginx: Nginx) -> None:
    before = set(nginx.workers())
    os.kill(nginx.master, signal.SIGHUP)
    wait_for("all workers are new", lambda: len(nginx.workers()) == 2 and not set(nginx.workers()) & before)


def _listen(host: Host, port: int) -> subprocess.Popen[Any]:
    """A TCP server that accepts and never speaks, on all addresses."""
    program = (
        f"import socket; s = socket.create_server(('::', {port}), family=socket.AF_INET6, dualstack_ipv6=True)\n"
        "print(flush=True); kept = []\nwhile True: kept.append(s.accept())"
    )
    process = host.start(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _connections(host: Host, port: int = 80) -> int:
    """How many are open to 127.0.0.1 and `port`, seen from their clients' side."""
    return len(host.run("ss", "-Htn", "state", "established", "dst", f"127.0.0.1:{port}").splitlines())


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
