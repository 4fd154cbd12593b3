"""Who is asked next: balance methods, dead servers and slow ones, in front of real backends. All workers of nginx must
choose as one, so what one of them learns of a server counts for all (`zone`).
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.netns.sidecar import wait_for
from tests.netns.test_nginx_serving import VIP, VIP6, Serving, document, serving

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "unshare", "setpriv", "curl", "nft")]

BOTH = "servers: [{address: 127.0.0.1, port: 8001}, {address: 127.0.0.1, port: 8002}]"
SILENT_PORT = 8009
"""Nobody answers there, not even the kernel: as a machine that is off."""
WEB = f"""
http:
- {{port: 80, upstream: {{balance: LeastConnections, {BOTH}}}}}
- {{port: 81, upstream: {{balance: IPHash, {BOTH}}}}}
- port: 82
  upstream: {{servers: [{{address: 127.0.0.1, port: 8010, maxFails: 2, failTimeout: 3s}},
                        {{address: 127.0.0.1, port: 8002}}]}}
- port: 83
  timeouts: {{connect: 300ms}}
  upstream: {{servers: [{{address: 127.0.0.1, port: {SILENT_PORT}, maxFails: 0}}, {{address: 127.0.0.1, port: 8002}}]}}
- {{port: 84, timeouts: {{send: 300ms}}, upstream: {{servers: [{{address: 127.0.0.1, port: 8011}}]}}}}
- {{port: 85, upstream: {{servers: [{{address: "::1", port: 8012}}]}}}}
- {{port: 86, upstream: {{{BOTH}}}}}
- {{port: 87, response: {{statusCode: 444}}}}
"""


@pytest.fixture(scope="module")
def web() -> Iterator[Serving]:
    with serving() as machine:
        for index in range(1, 33):
            machine.sidecar.in_namespace("ip", "address", "add", f"198.51.{index}.1/32", "dev", "lo")
        machine.serve(document("web", WEB))
        yield machine


def test_all_workers_take_turns_as_one(web: Serving) -> None:
    workers = len(web.sidecar.processes()) - 1
    names = [web.ask(f"http://{VIP}:86/")["server"] for _ in range(8 * workers)]
    assert all(first != second for first, second in pairwise(names)), names


def test_with_least_connections_who_is_busy_gets_no_more(web: Serving) -> None:
    """Three answers that take two seconds: two on one server, one on the other, so all others go there."""
    program = f"""
import json, time
def ask(path):
    s = socket.create_connection(('{VIP}', 80), 10); f = s.makefile('rb')
    s.sendall(b'GET ' + path + b' HTTP/1.0\\r\\n\\r\\n'); return s, f
slow = [(ask(b'/slow'), time.sleep(0.2)) for _ in range(3)]
print(*(json.loads(ask(b'/')[1].read().partition(b'\\r\\n\\r\\n')[2])['server'] for _ in range(6)))
"""
    assert len(set(web.python(program).split())) == 1


def test_with_ip_hash_a_client_stays_with_its_server(web: Serving) -> None:
    def servers(index: int) -> set[str]:
        source = ("--interface", f"198.51.{index}.1")
        return {web.ask(f"http://{VIP}:81/", *source)["server"] for _ in range(3)}

    by_client = {index: servers(index) for index in range(1, 33)}
    assert all(len(names) == 1 for names in by_client.values()), by_client
    assert {next(iter(names)) for names in by_client.values()} == {"one", "two"}, "and not all with the same"


def test_a_dead_server_is_left_alone_after_max_fails_and_asked_again_after_fail_timeout(web: Serving) -> None:
    """Seen by who connects: a server that resets each connection, in the place of a dead one."""
    program = (
        "import socket, struct\ns = socket.create_server(('127.0.0.1', 8010)); print(flush=True)\n"
        "while True:\n    c, _ = s.accept(); print('asked', flush=True)\n"
        "    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close()"
    )
    enter = ["nsenter", f"--net=/run/netns/{web.sidecar.netns}", "python3", "-uc", program]
    log = web.sidecar.folder / "asked.log"
    with log.open("wb") as output, subprocess.Popen(enter, stdout=output) as dead:
        try:
            wait_for(lambda: log.read_text(), "the dead server")
            began_s = time.monotonic()
            for _ in range(12):
                assert web.ask(f"http://{VIP}:82/")["server"] == "two", "the client does not notice"
            times_over = (time.monotonic() - began_s) // 3
            assert 2 <= log.read_text().count("asked") <= 2 + times_over
            time.sleep(4.0)
            for _ in range(4):
                assert web.ask(f"http://{VIP}:82/")["server"] == "two"
            assert log.read_text().count("asked") >= 3
        finally:
            dead.kill()


def test_a_server_that_does_not_answer_at_all_costs_the_connect_timeout_and_then_the_next_is_asked(
    web: Serving,
) -> None:
    for words in ("table ip silent", "chain ip silent input { type filter hook input priority 0 ; }"):
        web.sidecar.in_namespace("nft", "add", *words.split(" "))
    drop = f"add rule ip silent input tcp dport {SILENT_PORT} drop"
    web.sidecar.in_namespace("nft", *drop.split(" "))
    times = []
    for _ in range(4):
        began_s = time.monotonic()
        assert web.ask(f"http://{VIP}:83/")["server"] == "two"
        times.append(time.monotonic() - began_s)
    assert 0.3 <= max(times) < 1.5, "300 ms, not the usual 2 s"


def test_an_upstream_that_takes_no_more_of_a_request_ends_it(web: Serving) -> None:
    program = "import socket, time; s = socket.create_server(('127.0.0.1', 8011)); print(flush=True); time.sleep(60)"
    enter = ["nsenter", f"--net=/run/netns/{web.sidecar.netns}", "python3", "-c", program]
    body = web.sidecar.folder / "body"
    body.write_bytes(b"x" * (32 << 20))  # more than all buffers between
    with subprocess.Popen(enter, stdout=subprocess.PIPE) as deaf:
        try:
            assert deaf.stdout is not None
            deaf.stdout.readline()
            began_s = time.monotonic()
            assert web.status(f"http://{VIP}:84/", "-H", "Expect:", "--data-binary", f"@{body}") == "504"
            assert time.monotonic() - began_s < 10
        finally:
            deaf.kill()


def test_clients_of_one_family_reach_servers_of_the_other(web: Serving) -> None:
    program = (
        "import http.server, socket; s = http.server.HTTPServer; s.address_family = socket.AF_INET6; "
        "s = s(('::1', 8012), http.server.SimpleHTTPRequestHandler); print(flush=True); s.serve_forever()"
    )
    enter = ["nsenter", f"--net=/run/netns/{web.sidecar.netns}", "python3", "-c", program]
    with subprocess.Popen(enter, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/usr/share") as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            for address in (VIP, f"[{VIP6}]"):
                assert web.status(f"http://{address}:85/") == "200"
        finally:
            server.kill()


def test_444_closes_the_connection_without_a_word(web: Serving) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        web.curl(f"http://{VIP}:87/")
    assert failure.value.returncode == 52, "curl: empty reply"
