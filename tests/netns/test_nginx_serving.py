"""What nginx does with each feature of `spec.nginx`: from the user's YAML through the rendered file and the real sidecar
to real requests on the addresses.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.netns.sidecar import READINESS_PORT, Sidecar, wait_for
from tests.unit.spec.objects import parsed
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import OwnConfiguration, ServiceUpstream
from vipkeeper.nginx.configurator import NginxConfigurator
from vipkeeper.nginx.files import NginxFiles
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.render.document import render_document
from vipkeeper.render.nginx_upstream import Endpoint
from vipkeeper.spec.placement import Node
from vipkeeper.spec.speaker import NginxReport

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "unshare", "setpriv", "curl")]

BACKENDS = Path(__file__).with_name("backend_servers.py")
VIP, VIP6, OTHER = "192.0.2.10", "2001:db8::10", "192.0.2.20"

ONE = "upstream: {servers: [{address: 127.0.0.1, port: 8001}]}"
TWO = "upstream: {servers: [{address: 127.0.0.1, port: 8002}]}"
WEB = f"""
http:
- {{port: 80, hostnames: [one.example.com, "*.one.example.com"], {ONE}}}
- {{port: 80, hostnames: [two.example.com], {TWO}}}
- port: 81
  {ONE}
  locations:
  - {{path: /two/, {TWO}}}
  - {{path: /exact, pathType: Exact, response: {{statusCode: 418, body: "a \\"teapot\\"\\n", contentType: text/html}}}}
  - {{path: /old, redirect: {{scheme: https, hostname: new.example.com, path: /new, statusCode: 308}}}}
- {{port: 82, redirect: {{scheme: https}}}}
- port: 83
  upstream:
    servers: [{{address: 127.0.0.1, port: 8001, weight: 3}}, {{address: 127.0.0.1, port: 8002}}]
- port: 84
  upstream:
    servers: [{{address: 127.0.0.1, port: 8003, maxFails: 0}}, {{address: 127.0.0.1, port: 8002, backup: true}}]
- port: 85
  upstream:
    balance: Hash
    hashKey: $arg_user
    servers: [{{address: 127.0.0.1, port: 8001}}, {{address: 127.0.0.1, port: 8002}}]
- port: 86
  {ONE}
  maxBodySize: 1Ki
  timeouts: {{read: 300ms}}
  proxyHeaders:
    set: [{{name: Host, value: inside.example.com}}, {{name: X-Note, value: "it's \\"$scheme\\""}}]
    hide: [X-Secret]
  accessLog: {{format: JSON}}
- {{port: 87, {ONE}, proxyProtocol: {{trustedSources: [127.0.0.0/8]}}}}
- {{port: 88, {ONE}, snippet: 'location /snip {{ return 200 "snipped"; }}'}}
- {{port: 89, {ONE}, proxyProtocol: {{trustedSources: [198.51.100.0/24]}}}}
stream:
- {{port: 53, protocol: UDP, upstream: {{servers: [{{address: 127.0.0.1, port: 5353}}]}}}}
- {{port: 90, upstream: {{servers: [{{address: 127.0.0.1, port: 9001}}]}}}}
- {{port: 91, sendProxyProtocol: true, upstream: {{servers: [{{address: 127.0.0.1, port: 9001}}]}}}}
"""


def document(name: str, nginx: str, *addresses: str) -> RenderedVirtualIP:
    one = parsed(name, addresses=list(addresses or (VIP, VIP6)), nginx=yaml.safe_load(nginx))
    return render_document(one, 51, [Node("w1", {})])


def wanted(*documents: RenderedVirtualIP) -> Wanted:
    return Wanted(documents, READINESS_PORT)


class Serving:
    """A sidecar with backends beside it and the agent's part at work on it."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        self.reports: queue.SimpleQueue[NginxReport] = queue.SimpleQueue()
        self.configurator = NginxConfigurator(NginxFiles(sidecar.run), self.reports.put)

    def serve(self, *documents: RenderedVirtualIP) -> None:
        what = wanted(*documents)
        self.configurator.want(what)
        self.until_runs(what.render().generation)

    def until_runs(self, generation: str) -> None:
        while True:
            report = self.reports.get(timeout=30)
            if report.ok and report.generation == generation:
                return

    def curl(self, *arguments: str) -> str:
        return self.sidecar.in_namespace("curl", "-gsS", "-m", "20", *arguments)

    def ask(self, url: str, *arguments: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.curl(url, *arguments))
        return answer

    def status(self, url: str, *arguments: str, form: str = "%{http_code}") -> str:
        return self.curl("-o", "/dev/null", "-w", form, url, *arguments)

    def python(self, program: str) -> str:
        return self.sidecar.in_namespace("python3", "-c", f"import socket; {program}").strip()


@contextmanager
def serving() -> Iterator[Serving]:
    sidecar = Sidecar()
    try:
        for family in ("ipv4", "ipv6"):
            sidecar.in_namespace("sysctl", "-q", "-w", f"net.{family}.ip_nonlocal_bind=1")
        for address in (f"{VIP}/32", f"{OTHER}/32", f"{VIP6}/128"):
            sidecar.in_namespace("ip", "address", "add", address, "dev", "lo")
        enter = ["nsenter", f"--net=/run/netns/{sidecar.netns}"]
        with subprocess.Popen([*enter, sys.executable, str(BACKENDS)], stdout=subprocess.PIPE) as backends:
            try:
                assert backends.stdout is not None
                backends.stdout.readline()
                sidecar.start_and_wait()
                yield Serving(sidecar)
            finally:
                backends.kill()
    finally:
        sidecar.close()


@pytest.fixture(scope="module")
def web() -> Iterator[Serving]:
    with serving() as machine:
        machine.serve(document("web", WEB))
        yield machine


@pytest.mark.parametrize(
    ("host", "server"), [("one.example.com", "one"), ("a.one.example.com", "one"), ("two.example.com", "two")]
)
def test_a_host_name_chooses_the_server(web: Serving, host: str, server: str) -> None:
    assert web.ask(f"http://{VIP}/", "-H", f"Host: {host}")["server"] == server


def test_a_host_name_that_no_server_has_gets_404_and_not_the_first_server(web: Serving) -> None:
    assert web.status(f"http://{VIP}/", "-H", "Host: three.example.com") == "404"


@pytest.mark.parametrize("address", [VIP, f"[{VIP6}]"])
def test_paths_are_passed_on_as_they_are_to_the_upstream_of_their_location(web: Serving, address: str) -> None:
    assert web.ask(f"http://{address}:81/two/a?b=%20c")["path"] == "/two/a?b=%20c"
    assert web.ask(f"http://{address}:81/two/a")["server"] == "two"
    assert web.ask(f"http://{address}:81/tw")["server"] == "one"


def test_a_response_and_a_redirect_come_from_nginx_itself(web: Serving) -> None:
    assert web.curl("-w", "%{http_code} %{content_type}", f"http://{VIP}:81/exact") == 'a "teapot"\n418 text/html'
    assert web.ask(f"http://{VIP}:81/exact/not")["server"] == "one"
    form = "%{http_code} %{redirect_url}"
    assert web.status(f"http://{VIP}:81/old/x?y", form=form) == "308 https://new.example.com/new"
    assert (
        web.status(f"http://{VIP}:82/a?b=c", "-H", "Host: x.example.com", form=form)
        == "301 https://x.example.com/a?b=c"
    )


def test_weights_backups_and_keys_choose_the_server(web: Serving) -> None:
    counts = [web.ask(f"http://{VIP}:83/")["server"] for _ in range(8)]
    assert (counts.count("one"), counts.count("two")) == (6, 2)
    assert web.ask(f"http://{VIP}:84/")["server"] == "two", "the backup answers while the other one is dead"
    by_user = {user: {web.ask(f"http://{VIP}:85/?user={user}")["server"] for _ in range(3)} for user in range(12)}
    assert all(len(servers) == 1 for servers in by_user.values())
    assert {next(iter(servers)) for servers in by_user.values()} == {"one", "two"}


def test_the_upstream_learns_who_asked_and_how(web: Serving) -> None:
    headers = web.ask(f"http://{VIP}:81/", "-H", "Host: shop.example.com:81", "-H", "X-Forwarded-For: 203.0.113.9")[
        "headers"
    ]
    assert headers["host"] == headers["x-forwarded-host"] == "shop.example.com:81"
    assert headers["x-real-ip"] == VIP
    assert headers["x-forwarded-for"] == f"203.0.113.9, {VIP}"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", "81")


def test_own_header_fields_replace_the_usual_ones_and_leave_the_others(web: Serving) -> None:
    headers = web.ask(f"http://{VIP}:86/")["headers"]
    assert (headers["host"], headers["x-note"]) == ("inside.example.com", 'it\'s "http"')
    assert headers["x-real-ip"] == VIP
    assert "x-secret" not in web.curl("-i", f"http://{VIP}:86/hidden").lower()
    assert "x-secret" in web.curl("-i", f"http://{VIP}:81/hidden").lower()


def test_a_body_too_long_and_an_upstream_too_slow_are_told(web: Serving) -> None:
    assert web.status(f"http://{VIP}:86/", "-d", "x" * 1024) == "200"
    assert web.status(f"http://{VIP}:86/", "-d", "x" * 1025) == "413"
    assert web.status(f"http://{VIP}:86/hang") == "504"


def test_requests_are_logged_as_json_with_their_upstream(web: Serving) -> None:
    web.curl(f'http://{VIP}:86/logged?a="b"', "-A", 'quote " and more')

    def logged() -> list[dict[str, Any]]:
        lines = [line for line in web.sidecar.log.read_text().splitlines() if line.startswith('{"time"')]
        return [entry for entry in map(json.loads, lines) if entry["uri"].startswith("/logged")]

    wait_for(logged, "the line in the log")
    (entry,) = logged()
    assert (entry["status"], entry["client"], entry["port"]) == (200, VIP, 86)
    assert (entry["upstream"], entry["userAgent"]) == ("127.0.0.1:8001", 'quote " and more')


def test_a_proxy_that_is_trusted_tells_the_client_address(web: Serving) -> None:
    program = (
        f"s = socket.create_connection(('{VIP}', PORT), 10, ('127.0.0.1', 0)); "
        "s.sendall(b'PROXY TCP4 203.0.113.7 192.0.2.10 4000 80\\r\\nGET / HTTP/1.0\\r\\n\\r\\n'); "
        "print(b''.join(iter(lambda: s.recv(4096), b'')).decode())"
    )
    assert '"x-real-ip": "203.0.113.7"' in web.python(program.replace("PORT", "87"))
    assert '"x-real-ip": "127.0.0.1"' in web.python(program.replace("PORT", "89")), "not one of its trusted sources"
    with pytest.raises(subprocess.CalledProcessError):
        web.curl(f"http://{VIP}:87/")


def test_a_snippet_is_at_work(web: Serving) -> None:
    assert web.curl(f"http://{VIP}:88/snip") == "snipped"


def test_streams_pass_bytes_and_datagrams_on(web: Serving) -> None:
    udp = "s = socket.socket({0}, socket.SOCK_DGRAM); s.settimeout(10); s.connect(('{1}', 53)); s.send(b'hello'); "
    for family, address in (("socket.AF_INET", VIP), ("socket.AF_INET6", VIP6)):
        assert web.python(udp.format(family, address) + "print(s.recv(100).decode())") == "udp hello"
    tcp = (
        f"s = socket.create_connection(('{VIP}', PORT), 10); s.sendall(b'hello\\n'); "
        "f = s.makefile(); print(f.readline(), end=''); print(f.readline() if PORT == 91 else '')"
    )
    assert web.python(tcp.replace("PORT", "90")) == "got hello"
    first, second = web.python(tcp.replace("PORT", "91")).splitlines()
    assert first.startswith(f"got PROXY TCP4 {VIP} {VIP} ")
    assert second == "got hello"


def test_endpoints_that_change_are_in_effect_soon_and_none_is_a_503(web: Serving) -> None:
    service = ServiceUpstream("default", "web", 80)
    pods = document("web", "http: [{port: 80, upstream: {service: {namespace: default, name: web, port: 80}}}]")

    def have(*ports: int) -> None:
        endpoints = {service: tuple(Endpoint(ip_address("127.0.0.1"), port) for port in ports)}
        web.configurator.want(Wanted((pods,), READINESS_PORT, endpoints))

    def until(name: str) -> float:
        began_s = time.monotonic()
        wait_for(lambda: f'"server": "{name}"' in web.curl(f"http://{VIP}/"), f"{name} to answer")
        return time.monotonic() - began_s

    have(8001)
    until("one")
    took_s = []
    for port, name in ((8002, "two"), (8001, "one"), (8002, "two")):
        have(port)
        took_s.append(until(name))
    assert min(took_s) < 3, "a second between reloads, a reload, and a busy machine"
    have()
    wait_for(lambda: web.status(f"http://{VIP}/") == "503", "nobody to be there")
    # An old worker may still take a connection after a new one has answered.
    wait_for(
        lambda: web.curl(f"http://{VIP}/") == "vipkeeper: no ready endpoint of default/web\n", "the reason to be told"
    )
    web.serve(document("web", WEB))


def test_an_nginx_conf_of_ones_own_serves_on_the_addresses_beside_others(web: Serving) -> None:
    text = """
        worker_processes 1; events {}
        http {
            include mime.types;
            proxy_set_header X-Common yes;
            server { listen 80; location / { proxy_pass http://127.0.0.1:8002; } }
            server { listen 80; server_name b.example.com; return 200 b; }
        }
    """
    own = document("own", "configMapRef: {name: site}", OTHER)
    assert own.nginx is not None
    with_text = replace(own.nginx, own_configuration=OwnConfiguration("site", "nginx.conf", text))
    web.serve(document("web", WEB), replace(own, nginx=with_text))
    answer = web.ask(f"http://{OTHER}/")
    assert (answer["server"], answer["headers"]["x-common"]) == ("two", "yes")
    assert web.curl(f"http://{OTHER}/", "-H", "Host: b.example.com") == "b"
    assert "x-common" not in web.ask(f"http://{VIP}:81/")["headers"], "nobody else's servers see it"
    web.serve(document("web", WEB))


def test_virtualips_share_a_port_on_different_addresses(web: Serving) -> None:
    other = document("other", f"http: [{{port: 81, {TWO}}}]", OTHER)
    web.serve(document("web", WEB), other)
    assert web.ask(f"http://{OTHER}:81/")["server"] == "two"
    assert web.ask(f"http://{VIP}:81/")["server"] == "one"
    web.serve(document("web", WEB))


def test_a_long_answer_and_an_idle_connection_survive_a_reload(web: Serving) -> None:
    """Old workers finish what they have begun (for some minutes: worker_shutdown_timeout)."""
    answers: list[str] = []
    download = threading.Thread(target=lambda: answers.append(web.curl(f"http://{VIP}:81/slow")))
    download.start()
    stream = (
        f"import time; s = socket.create_connection(('{VIP}', 90), 10); f = s.makefile(); s.sendall(b'a\\n'); "
        "f.readline(); time.sleep(1.5); s.sendall(b'b\\n'); print(f.readline())"
    )
    talks = threading.Thread(target=lambda: answers.append(web.python(stream)))
    talks.start()
    time.sleep(0.3)  # both have begun
    web.serve(document("web", WEB.replace("418", "410")))
    assert web.status(f"http://{VIP}:81/exact") == "410"
    assert download.is_alive()
    download.join(20)
    talks.join(20)
    assert sorted(answers) == ["." * 40, "got b"]
    web.serve(document("web", WEB))
