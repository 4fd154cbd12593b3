"""A server that `health` checks dies, hangs, or is full, with an nginx that somebody else started: the client's view.

Slow checks are too slow here to explain what happens at once: eight of them, three seconds from one to the next, and
one to see it back. (Who lives is not called dead: test_server_watch.py.)
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.own_nginx import HTTPClient, Nginx
from tests.netns.speaker import Speaker
from tests.netns.standalone import VIP, Standalone, preferring, write
from tests.netns.test_handover import key_file

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nginx")]

GAP_MS = 20.0 + 30.0
"""What is promised, and a margin for a machine that does other things besides. What nginx takes to end comes on top."""
SLOW: dict[str, Any] = {"port": 80, "interval": "3s", "timeout": "2s", "rise": 1, "fall": 8}
T = TypeVar("T")
QUICK: dict[str, Any] = {"port": 80, "interval": "200ms", "timeout": "400ms", "rise": 2, "fall": 2}


def pair(
    lan: Lan, tmp_path: Path, health: dict[str, Any], serve: Callable[[Host], T], interval: str = "100ms"
) -> tuple[list[Standalone], list[T]]:
    """Hosts one and two with a key for their handovers, and on each what `serve` starts; one is Active."""
    hosts = [lan.host(name) for name in ("one", "two")]
    spec = preferring({"one": 200}, vrrp={"advertisementInterval": interval}, health=health)
    file = write(tmp_path / "vip.yaml", spec)
    servers = [serve(host) for host in hosts]
    runs = [Standalone(host, file) for host in hosts]
    for run, other in zip(runs, reversed(hosts), strict=True):
        key = key_file(lan.folder / run.host.name)
        run.launch("--key-file", str(key), "--peer", f"{other.name}={other.ipv4}")
    settle(lan, runs)
    return runs, servers


def settle(lan: Lan, runs: list[Standalone]) -> None:
    moved(lan, runs, "one", 60)
    for run in runs:
        run.wait_for_log("healthy=True")
    wait_for("two is Backup", lambda: runs[1].states()[-1:] == ["backup"])


def moved(lan: Lan, runs: Sequence[Standalone | Speaker], name: str, limit_s: float = 15) -> None:
    """Sooner than slow checks would do it."""
    try:
        wait_for(f"{name} has it, alone", lambda: lan.owners(VIP) == [name], limit_s)
    except AssertionError as failure:
        raise AssertionError("\n".join([str(failure), *(run.log() for run in runs)])) from None


def with_nginx(
    lan: Lan, tmp_path: Path, check: dict[str, Any], interval: str = "100ms", more: str = ""
) -> tuple[list[Standalone], list[Nginx]]:
    return pair(lan, tmp_path, {"http": [check]}, lambda host: Nginx(host, more=more), interval)


@pytest.mark.parametrize("interval", ["10ms", "250ms", "1s"])
def test_a_client_hardly_notices_that_nginx_was_killed(lan: Lan, tmp_path: Path, interval: str) -> None:
    runs, (nginx, _other) = with_nginx(lan, tmp_path, SLOW, interval)
    one, two = runs
    client = HTTPClient(lan.host("client"), VIP)
    time.sleep(2)  # the engines greet each other once a second
    death_ms = nginx.kill_all()
    moved(lan, runs, "two")
    time.sleep(0.5)
    timeline = client.timeline()
    assert "reason=Handover" in two.log(), one.log() + two.log()
    loss_ms = timeline.longest_loss_ms()
    assert loss_ms <= GAP_MS + death_ms, (
        f"{loss_ms} ms, death {death_ms} ms {timeline.failures()}\n{one.log()}\n{two.log()}"
    )
    assert timeline.answers()["200 two"] > 10
    nginx.start()
    moved(lan, runs, "one", 30)


def test_a_dead_master_whose_workers_serve_moves_nothing_and_their_death_does(lan: Lan, tmp_path: Path) -> None:
    runs, (nginx, _other) = with_nginx(lan, tmp_path, SLOW)
    workers = nginx.workers()
    os.kill(nginx.master, signal.SIGKILL)
    nginx.process.wait()
    stays("its workers serve", lambda: lan.owners(VIP) == ["one"], 1)
    assert _get(lan.hosts[1], VIP) == "one"
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    moved(lan, runs, "two")


def test_workers_that_hang_are_for_the_slow_check_and_come_back(lan: Lan, tmp_path: Path) -> None:
    runs, (nginx, _other) = with_nginx(lan, tmp_path, QUICK)
    one = runs[0]
    nginx.signal_all(signal.SIGSTOP)
    moved(lan, runs, "two")
    assert "nobody listens" not in one.log()
    nginx.signal_all(signal.SIGCONT)
    moved(lan, runs, "one", 30)


def test_an_nginx_without_a_descriptor_left_is_for_the_slow_check_and_comes_back(lan: Lan, tmp_path: Path) -> None:
    runs, (nginx, _other) = with_nginx(lan, tmp_path, QUICK, more="worker_rlimit_nofile 24;")
    one = runs[0]
    with _crowd(one.host.namespace, 60):
        moved(lan, runs, "two")
        assert "Too many open files" in nginx.log.read_text()
        assert "nobody listens" not in one.log()
    moved(lan, runs, "one", 30)


def _get(host: Host, address: str) -> str:
    return host.run("curl", "-s", "-m", "5", f"http://{address}/")


@contextmanager
def _crowd(namespace: str, count: int) -> Iterator[None]:
    """Clients of nginx that connect and say nothing, in its own namespace."""
    program = (
        "import socket, time\nkept = []\n"
        f"for _ in range({count}):\n"
        "  s = socket.socket(); s.setblocking(False); s.connect_ex(('127.0.0.1', 80)); kept.append(s)\n"
        "print(flush=True); time.sleep(600)"
    )
    command = ["nsenter", f"--net=/run/netns/{namespace}", sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()
