"""operator/vipkeeper/render/nginx.py: golden files, and nginx itself, which reads and runs what we write."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.golden import assert_golden
from tests.unit.render.nginx_tester import ALLOW_FOREIGN_ADDRESSES, in_namespace, nginx_says
from tests.unit.spec.objects import document
from vipkeeper.ipc.rendered import RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, ServiceUpstream, UpstreamServer
from vipkeeper.render.nginx import NginxConfiguration, NginxPaths, render_nginx, services_of
from vipkeeper.render.nginx_upstream import Endpoint

STOCK = NginxPaths()
WEB = ServiceUpstream("default", "web", 80)
API = ServiceUpstream("prod", "api", "https")
Endpoints = dict[ServiceUpstream, tuple[Endpoint, ...]]
READY: Endpoints = {WEB: (Endpoint(ip_address("10.244.2.7"), 8080), Endpoint(ip_address("10.244.1.5"), 8080))}


def serving(name: str, *servers: HTTPServer, addresses: str = "192.0.2.10") -> RenderedVirtualIP:
    return replace(
        document("worker1"),
        name=name,
        addresses=tuple(RenderedAddress(ip_address(address)) for address in addresses.split()),
        nginx=NginxSection(servers),
    )


CASES: dict[str, tuple[list[RenderedVirtualIP], Endpoints]] = {
    "empty": ([document("worker1")], {}),
    "service": ([serving("web", HTTPServer(80, service=WEB))], READY),
    "service-without-endpoints": ([serving("web", HTTPServer(80, service=WEB))], {}),
    "servers": (
        [serving("web", HTTPServer(80, (UpstreamServer("192.0.2.81", 80), UpstreamServer("2001:db8::82", 8080))))],
        {},
    ),
    "dual-stack-and-several": (
        [
            serving(
                "web",
                HTTPServer(80, service=WEB),
                HTTPServer(8080, service=API),
                addresses="192.0.2.10 192.0.2.11 2001:db8::10 fe80::10",
            ),
            serving("api", HTTPServer(80, service=WEB), addresses="2001:db8::20"),
        ],
        READY | {API: (Endpoint(ip_address("2001:db8:1::5"), 8443),)},
    ),
    "one-address-twice": (
        [serving("web", HTTPServer(80, service=WEB)), serving("api", HTTPServer(80, service=WEB))],
        READY,
    ),
}


def render(case: str, paths: NginxPaths = STOCK) -> NginxConfiguration:
    return render_nginx(*CASES[case], readiness_port=17410, paths=paths)


@pytest.mark.parametrize("case", CASES)
def test_the_whole_file(case: str) -> None:
    assert_golden(f"nginx/{case}.conf", render(case).text)


def test_the_generation_is_that_of_the_content() -> None:
    documents, endpoints = CASES["dual-stack-and-several"]
    one = render_nginx(documents, endpoints, 17410)
    backwards = {service: tuple(reversed(found)) for service, found in reversed(endpoints.items())}
    assert render_nginx(list(reversed(documents)), backwards, 17410) == one
    assert f"return 200 '{one.generation}" in one.text
    assert len({render(case).generation for case in CASES}) == len(CASES)


def test_a_change_that_nginx_does_not_see_is_no_new_generation() -> None:
    documents, endpoints = CASES["service"]
    edited = [replace(item, generation=2, vrid=77, nodes={}) for item in documents]
    assert render_nginx(edited, endpoints, 17410) == render_nginx(documents, endpoints, 17410)


def test_services_are_named_once() -> None:
    documents, _ = CASES["dual-stack-and-several"]
    assert services_of(documents) == (WEB, API)
    assert services_of(CASES["servers"][0]) == ()


# ---- with nginx itself, in a network namespace of its own


def write(folder: Path, case: str) -> tuple[Path, NginxConfiguration]:
    folder.chmod(0o755)
    configuration = render(case, NginxPaths(str(folder), str(folder)))
    file = folder / "nginx.conf"
    file.write_text(configuration.text)
    return file, configuration


@pytest.mark.root
@pytest.mark.requires("nginx", "unshare")
@pytest.mark.parametrize("case", CASES)
def test_nginx_takes_it_without_a_warning(case: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    said = nginx_says(tmp_path, render(case, NginxPaths(str(tmp_path), str(tmp_path))).text)
    assert "warn" not in said
    assert "test is successful" in said


@contextmanager
def nginx_running(folder: Path, case: str) -> Iterator[NginxConfiguration]:
    file, configuration = write(folder, case)
    command = f"nginx -e stderr -c {file} -g 'daemon off; error_log stderr warn;'"
    process = subprocess.Popen(in_namespace(command), stderr=subprocess.PIPE, text=True)
    try:
        yield configuration
    finally:
        process.terminate()
        process.communicate(timeout=60)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, target: str) -> tuple[int, str]:
    deadline_s = time.monotonic() + 30
    while True:
        connection = UnixConnection(path)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)
        finally:
            connection.close()


@pytest.mark.root
@pytest.mark.requires("nginx", "unshare")
def test_the_status_socket_answers_health_and_generation(tmp_path: Path) -> None:
    with nginx_running(tmp_path, "dual-stack-and-several") as configuration:
        status = tmp_path / "status.sock"
        assert ask(status, "/healthz") == (200, "ok\n")
        assert ask(status, "/generation") == (200, f"{configuration.generation}\n")
        assert ask(status, "/anything")[0] == 404
        assert status.stat().st_mode & 0o006 == 0o006, "the agent and the engine are other users"


@pytest.mark.root
@pytest.mark.requires("nginx", "unshare", "curl")
def test_a_service_without_endpoints_answers_503_and_says_which(tmp_path: Path) -> None:
    file, _ = write(tmp_path, "service-without-endpoints")
    shell = (
        f"{ALLOW_FOREIGN_ADDRESSES} && ip address add 192.0.2.10/32 dev lo && "
        f"nginx -e stderr -c {file} -g 'error_log stderr warn;' && "
        "curl -s -m 20 -w '%{http_code} %{content_type}' http://192.0.2.10/any/path; "
        f"kill $(cat {tmp_path}/nginx.pid)"
    )
    result = subprocess.run(
        ["unshare", "--net", "sh", "-c", shell], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout == "vipkeeper: no ready endpoint of default/web\n503 text/plain"
