"""`spec.nginx.stream`, and what HTTP has of the same kind: connections that are passed on as they are, those of
proxies, WebSockets, logs. Real nginx, real connections.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from tests.netns.sidecar import READINESS_PORT, wait_for
from tests.netns.test_nginx_serving import ONE, VIP, Serving, document, serving
from vipkeeper.ipc.rendered_nginx import OwnConfiguration, ServiceUpstream
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.render.nginx_upstream import Endpoint

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "unshare", "setpriv", "curl")]

LINES = "{address: 127.0.0.1, port: 9001}"
WEB = f"""
http:
- {{port: 80, {ONE}}}
- {{port: 81, {ONE}, accessLog: {{}}}}
- {{port: 82, {ONE}, proxyProtocol: {{trustedSources: [127.0.0.0/8]}}}}
- {{port: 85, upstream: {{servers: [{{address: 127.0.0.1, port: 9002}}]}}}}
stream:
- {{port: 90, upstream: {{servers: [{LINES}]}}, timeouts: {{idle: 2s}}, accessLog: {{}}}}
- {{port: 91, upstream: {{servers: [{{address: 127.0.0.1, port: 9003, maxFails: 0}},
                                    {{address: 127.0.0.1, port: 9001, backup: true}}]}}}}
- {{port: 92, upstream: {{servers: [{LINES}]}}, proxyProtocol: {{trustedSources: [127.0.0.0/8]}},
     sendProxyProtocol: true, accessLog: {{format: JSON}}}}
- {{port: 93, upstream: {{servers: [{LINES}]}}, snippet: 'deny 127.0.0.0/8;'}}
"""
DATABASE = "stream: [{port: 5432, upstream: {service: {namespace: default, name: db, port: sql}}}]"
TALK = """
s = socket.create_connection(('{address}', {port}), 10, ('{source}', 0)); s.sendall({first!r}); f = s.makefile('rb')
print([f.readline().decode() for _ in range({lines})])
"""
WEB_SOCKET = """
import threading
l = socket.create_server(('127.0.0.1', 9002))
def serve():
    c, _ = l.accept(); f = c.makefile('rb'); head = b''
    while not head.endswith(b'\\r\\n\\r\\n'):
        head += f.readline()
    assert b'Upgrade: websocket' in head and b'Connection: upgrade' in head, head
    c.sendall(b'HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n')
    c.sendall(b'frame ' + f.readline())
threading.Thread(target=serve, daemon=True).start()
s = socket.create_connection(('ADDRESS', 85), 10); f = s.makefile('rb')
s.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n')
print(f.readline().split()[1].decode(), end=' ')
while f.readline() != b'\\r\\n': pass
s.sendall(b'hello\\n'); print(f.readline().decode(), end='')
"""


@pytest.fixture(scope="module")
def web() -> Iterator[Serving]:
    with serving() as machine:
        machine.serve(document("web", WEB))
        yield machine


def talk(web: Serving, port: int, first: bytes = b"hello\n", lines: int = 1, source: str = "0.0.0.0") -> list[str]:
    program = TALK.format(address=VIP, port=port, first=first, lines=lines, source=source)
    answer: list[str] = json.loads(web.python(program).replace("'", '"'))
    return answer


def logged(web: Serving, what: Callable[[str], bool]) -> str:
    def lines() -> list[str]:
        return [line for line in web.sidecar.log.read_text().splitlines() if what(line)]

    wait_for(lines, "the line in the log")
    return lines()[0]


def test_a_silent_connection_ends_after_its_time_and_one_that_talks_lives(web: Serving) -> None:
    program = (
        f"import time; s = socket.create_connection(('{VIP}', 90), 10); f = s.makefile('rb')\n"
        "for _ in range(3):\n    time.sleep(0.8); s.sendall(b'a\\n'); assert f.readline() == b'got a\\n'\n"
        "began = time.monotonic(); assert f.readline() == b''; print(time.monotonic() - began)"
    )
    assert 1.0 < float(web.python(program)) < 10


def test_the_standby_is_asked_while_the_first_server_is_dead(web: Serving) -> None:
    assert talk(web, 91) == ["got hello\n"]


def test_a_proxy_before_nginx_and_a_server_behind_it_both_speak_the_proxy_protocol(web: Serving) -> None:
    header = b"PROXY TCP4 203.0.113.7 192.0.2.10 4000 5432\r\n"
    told, answer = talk(web, 92, header + b"hello\n", lines=2, source="127.0.0.1")
    assert told.startswith("got PROXY TCP4 203.0.113.7 ")
    assert answer == "got hello\n"
    entry: dict[str, Any] = json.loads(logged(web, lambda line: '"203.0.113.7"' in line))
    assert (entry["protocol"], entry["port"], entry["upstream"]) == ("TCP", 92, "127.0.0.1:9001")


def test_version_2_of_the_proxy_protocol_is_understood_too(web: Serving) -> None:
    from_to = ip_address("203.0.113.8").packed + ip_address(VIP).packed + (4000).to_bytes(2) + (80).to_bytes(2)
    header = b"\r\n\r\n\0\r\nQUIT\n" + bytes((0x21, 0x11)) + len(from_to).to_bytes(2) + from_to
    program = (
        f"s = socket.create_connection(('{VIP}', 82), 10, ('127.0.0.1', 0)); "
        f"s.sendall({header!r} + b'GET / HTTP/1.0\\r\\n\\r\\n'); "
        "print(b''.join(iter(lambda: s.recv(4096), b'')).decode())"
    )
    assert '"x-real-ip": "203.0.113.8"' in web.python(program)


def test_requests_are_logged_where_it_is_wished_and_nowhere_else(web: Serving) -> None:
    web.curl(f"http://{VIP}:80/in-silence")
    web.curl(f"http://{VIP}:81/told")
    assert '"GET /told HTTP/1.1" 200' in logged(web, lambda line: "/told" in line)
    assert "/in-silence" not in web.sidecar.log.read_text()
    talk(web, 90)
    assert "TCP 200" in logged(web, lambda line: f'"{VIP}:90"' in line)


def test_a_snippet_of_a_stream_is_at_work(web: Serving) -> None:
    assert talk(web, 93, b"", source="127.0.0.1") == [""], "refused"
    assert talk(web, 93) == ["got hello\n"]


def test_a_web_socket_passes(web: Serving) -> None:
    assert web.python(WEB_SOCKET.replace("ADDRESS", VIP)) == "101 frame hello"


def test_a_stream_asks_the_endpoints_of_a_service_and_ends_connections_without_any(web: Serving) -> None:
    service = ServiceUpstream("default", "db", "sql")
    database = document("web", DATABASE)

    def have(*ports: int) -> None:
        endpoints = {service: tuple(Endpoint(ip_address("127.0.0.1"), port) for port in ports)}
        what = Wanted((database,), READINESS_PORT, endpoints)
        web.configurator.want(what)
        web.until_runs(what.render().generation)

    have(9001)
    assert talk(web, 5432) == ["got hello\n"]
    have()
    assert talk(web, 5432, b"") == [""]
    have(9001)
    assert talk(web, 5432) == ["got hello\n"]
    web.serve(document("web", WEB))


def test_an_nginx_conf_of_ones_own_may_have_streams(web: Serving) -> None:
    text = "events {} stream { upstream db { server 127.0.0.1:9001; } server { listen 5433; proxy_pass db; } }"
    own = document("web", "configMapRef: {name: site}")
    assert own.nginx is not None
    web.serve(replace(own, nginx=replace(own.nginx, own_configuration=OwnConfiguration("site", "nginx.conf", text))))
    assert talk(web, 5433) == ["got hello\n"]
    web.serve(document("web", WEB))


def test_pods_that_come_and_go_quickly_cost_one_reload_a_second_and_no_request(web: Serving) -> None:
    service = ServiceUpstream("default", "web", 80)
    pods = document("web", "http: [{port: 80, upstream: {service: {namespace: default, name: web, port: 80}}}]")

    def have(*ports: int) -> Wanted:
        endpoints = {service: tuple(Endpoint(ip_address("127.0.0.1"), port) for port in ports)}
        what = Wanted((pods,), READINESS_PORT, endpoints)
        web.configurator.want(what)
        return what

    web.until_runs(have(8001).render().generation)
    began_s, turn = time.monotonic(), 0
    generations: list[str | None] = []
    while time.monotonic() - began_s < 4:
        turn += 1
        have(*((8001, 8002), (8001,), (8002,))[turn % 3])
        assert web.status(f"http://{VIP}/") == "200"
        generation = web.sidecar.generation()
        if generation is not None and generations[-1:] != [generation]:
            generations.append(generation)
    reloads = time.monotonic() - began_s + 2
    assert turn > len(generations), "changes come quicker than reloads"
    assert len(generations) <= reloads, "one a second, and the first one at once"
    last = have(8002)
    wait_for(lambda: web.sidecar.generation() == last.render().generation, "the last change")
    web.serve(document("web", WEB))
