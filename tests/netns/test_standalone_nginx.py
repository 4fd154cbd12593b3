"""`spec.nginx` on plain hosts: the real command with a real nginx, which is killed, starved of its port, and led astray.

Covers operator/vipkeeper/standalone/nginx.py, nginx_supervisor.py and nginx_files.py.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.support.owners import OwnerWatch
from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.nginx_run import NginxRun, ask, nginx_pair, page
from tests.netns.standalone import VIP, preferring, write

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nginx", "curl", "openssl")]


OTHER = "192.0.2.101"
IDLE = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 80), 10)
connection.sendall(b"GET / HTTP/1.1\\r\\nHost: vip\\r\\n\\r\\n")
print(connection.recv(65536).splitlines()[0].decode(), flush=True)
try:
    print("said more" if connection.recv(1) else "closed", time.monotonic_ns())
except OSError as error:
    print(error)
"""
"""A client that keeps its connection after one request."""
TRIES = 3
"""A worker that gets no processor for 50 ms misses the moment, which costs its clients a reset and no more."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vip.yaml"


def test_both_listen_the_owner_answers_and_a_takeover_needs_no_reload(lan: Lan, file: Path) -> None:
    one, two = nginx_pair(lan, file.parent)
    client = lan.host("client")
    assert ask(client) == "one"
    for run in (one, two):
        assert f"{VIP}:80" in run.host.run("ss", "-Hltn")
    one.host.cut()
    wait_for("two answers", lambda: ask(client) == "two")
    assert one.stop() == two.stop() == 0
    assert list(one.state_dir.iterdir()) == []


def test_nginx_that_dies_is_handed_over_at_once_started_again_and_has_the_address_back(lan: Lan, file: Path) -> None:
    one, two = nginx_pair(lan, file.parent)
    client = lan.host("client")
    first = one.master
    one.kill_nginx()
    one.wait_for_log("nginx has died: status=-9 starting_again_in_ms=0")
    wait_for("two took it", lambda: "active" in two.states())
    assert "reason=Unhealthy priority=1" in one.log()
    wait_for("one has it again, alone", lambda: lan.owners(VIP) == ["one"] and one.states()[-1] == "active")
    assert one.master != first
    assert ask(client) == "one"


@pytest.mark.parametrize("key", [True, False], ids=["handover", "priority 0"])
def test_an_idle_client_is_told_before_a_run_that_leaves_gives_the_address_away(
    lan: Lan, file: Path, key: bool
) -> None:
    runs = nginx_pair(lan, file.parent, key=key)
    client = lan.host("client")
    with OwnerWatch({run.host.name: Path("/run/netns") / run.host.namespace for run in runs}) as owners:
        for _ in range(TRIES):
            said, moved_ns = see_it_leave(runs, client, owners)
            if said[0] == "closed" and int(said[1]) < moved_ns:
                break
    log = runs[0].log()
    assert said[0] == "closed", f"{said}\n{log}"
    assert int(said[1]) < moved_ns, f"{said}, moved at {moved_ns}\n{log}"
    assert "nginx closes idle connections" in log


def see_it_leave(runs: tuple[NginxRun, NginxRun], client: Host, owners: OwnerWatch) -> tuple[list[str], int]:
    """How and when an idle connection to the first one ended, and when the address began to move. It comes back."""
    one = runs[0]
    idle = client.start(sys.executable, "-c", IDLE, VIP, stdout=subprocess.PIPE, text=True)
    assert idle.stdout is not None
    assert idle.stdout.readline() == "HTTP/1.1 200 OK\n"
    began_ns = time.monotonic_ns()
    assert one.stop() == 0
    owners.wait_for(VIP, {"two"}, 20)
    said = idle.communicate(timeout=20)[0].split()
    moved_ns = next(item.at_ns for item in owners.changes(began_ns) if str(item.address) == VIP)
    one.start(*one.options)
    owners.wait_for(VIP, {"one"}, 40)
    wait_for("it answers", lambda: ask(client) == "one")
    return said, moved_ns


def test_after_three_deaths_nginx_is_given_up_until_sighup(lan: Lan, file: Path) -> None:
    one, two = nginx_pair(lan, file.parent)
    for times in (2, 3):
        one.kill_nginx()
        one.wait_for_log("nginx started", times)
        wait_for("it is up", one.status_socket.exists)
    one.kill_nginx()
    one.wait_for_log("nginx has died too often and is given up: status=-9")
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"])
    stays("no further start", lambda: one.log().count("nginx started") == 3 and lan.owners(VIP) == ["two"], 2)
    one.reload()
    one.wait_for_log("nginx started", 4)
    wait_for("it is known to be back", lambda: one.log().rfind("nginx is back") > one.log().rfind("nginx is gone"))
    wait_for("one has it again, once it is no longer damped", lambda: lan.owners(VIP) == ["one"], 90)
    assert two.states()[-1] == "backup"


def test_when_nginx_of_all_hosts_is_given_up_exactly_one_keeps_the_address(lan: Lan, file: Path) -> None:
    runs = nginx_pair(lan, file.parent)
    for times in (1, 2, 3):
        for run in runs:
            run.wait_for_log("nginx started", times)
            wait_for("it is up", run.status_socket.exists)
            run.kill_nginx()
            run.wait_for_log("nginx has died", times)
    for run in runs:
        run.wait_for_log("given up")
    wait_for("one owner", lambda: len(lan.owners(VIP)) == 1)
    stays("exactly one", lambda: len(lan.owners(VIP)) == 1, 2)


def test_a_port_that_somebody_has_is_told_in_nginx_words_and_only_that_document_is_ill(lan: Lan, file: Path) -> None:
    documents = [
        preferring({"one": 200}, nginx=page("web")),
        preferring({"one": 200}, "other", vrid=52, addresses=[OTHER], nginx=page("other", 8080)),
    ]
    host = lan.host("squatted")
    squat = "import socket, time; s = socket.socket(); s.bind(('0.0.0.0', 80)); s.listen(); time.sleep(600)"
    squatter = host.start(sys.executable, "-c", squat)
    wait_for("it is taken", lambda: ":80 " in host.run("ss", "-Hltn"))
    run = NginxRun(host, write(file, *documents)).start()
    run.wait_for_log(
        f"nginx refuses name=web spec.nginx.http[0]: bind() to {VIP}:80 failed (98: Address already in use)"
    )
    wait_for("the other is served", lambda: "vip=other source=NginxDoesNotServe healthy=True" in run.log())
    client = lan.host("client")
    wait_for("it answers", lambda: ask(client, OTHER, 8080) == "other")
    assert not run.serves()
    squatter.kill()
    squatter.wait()
    wait_for("web is served as soon as the port is free", run.serves, 30)
    wait_for("it answers", lambda: ask(client) == "web")
