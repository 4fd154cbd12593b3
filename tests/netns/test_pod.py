"""A whole speaker pod on each of two hosts: guard and engine, agent, and nginx with its entry script; only the API
server is a small one. What a client on the segment sees.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Any

import pytest

from tests.netns.lan import Host, Lan, wait_for
from tests.netns.sidecar import AGENT_ID, READINESS_PORT, Sidecar
from tests.netns.speaker import Speaker
from tests.unit.agent.api_server import ApiServer
from tests.unit.agent.test_main import PROGRAM
from vipkeeper.ipc.rendered import HealthSection, NodeShare, RenderedAddress, RenderedVirtualIP, TCPCheck
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, ServiceUpstream
from vipkeeper.render.configmap import render_configmap

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "unshare", "setpriv", "curl")]

ADDRESS = "192.0.2.100"
NAMESPACE = "vipkeeper-system"
CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SERVICES = "/api/v1/namespaces/shop/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


class Pod:
    def __init__(self, host: Host, api_url: str) -> None:
        self.host = host
        self.nginx = Sidecar(namespace=host.namespace)
        self.speaker = Speaker(host, nginx=True)
        self.speaker.run_dir = self.nginx.folder / "run"
        self.speaker.environment["VIPKEEPER_RUN_DIR"] = str(self.speaker.run_dir)
        self._environment = self.speaker.environment | {
            "POD_NAME": f"pod-{host.name}",
            "POD_NAMESPACE": NAMESPACE,
            "VIPKEEPER_READINESS_PORT": str(READINESS_PORT),
            "TEST_API": api_url,
        }
        self.agent: subprocess.Popen[bytes] | None = None
        host.lan.at_end.callback(self.nginx.close)

    def start(self) -> None:
        self.nginx.start_and_wait()
        os.umask(0o022)
        self.speaker.start()
        self.start_agent()

    def start_agent(self) -> None:
        log = (self.nginx.folder / "agent.log").open("ab")
        with log:
            self.agent = subprocess.Popen([sys.executable, "-c", AS_AGENT + PROGRAM], env=self._environment, stderr=log)
        self.host.lan.at_end.callback(self.agent.wait)
        self.host.lan.at_end.callback(self.agent.kill)

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait()

    def log(self) -> str:
        return f"{self.speaker.log()}\n{(self.nginx.folder / 'agent.log').read_text()}\n{self.nginx.log.read_text()}"


class Site:
    """Two hosts with pods, a client, and a host with two web servers."""

    def __init__(self, lan: Lan, server: ApiServer) -> None:
        self.server = server
        self.first, self.second = (Pod(lan.host(name), server.url) for name in ("one", "two"))
        self.client = lan.host("client")
        self.web = lan.host("web")
        for port, word in ((8081, "blue"), (8082, "green")):
            self.web.start(sys.executable, "-c", WEB_SERVER, str(port), word)
        server.put(f"{SERVICES}/web", {"spec": {"ports": [{"name": "http", "port": 80}], "ipFamilies": ["IPv4"]}})
        self.serve_from(8081)
        server.put(f"{CONFIGMAPS}/virtualip-web", render_configmap(self.document(), NAMESPACE))
        for pod in (self.first, self.second):
            pod.start()

    def document(self, generation: int = 1) -> RenderedVirtualIP:
        return RenderedVirtualIP(
            name="web",
            uid="uid-web",
            generation=generation,
            placement="default",
            vrid=51,
            advertisement_interval_cs=10,
            preempt=True,
            addresses=(RenderedAddress(ip_address(ADDRESS)),),
            interface=None,
            nodes={"one": NodeShare(200, 0), "two": NodeShare(100, 1)},
            nginx=NginxSection((HTTPServer(port=80, service=ServiceUpstream("shop", "web", 80)),)),
        )

    def serve_from(self, port: int) -> None:
        piece = {
            "metadata": {"labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": port}],
            "endpoints": [{"addresses": [self.web.ipv4], "conditions": {"ready": True}}],
        }
        self.server.put(f"{SLICES}/web-1", piece)

    def get(self) -> str:
        return self.client.run("curl", "-s", "-m", "2", f"http://{ADDRESS}/", check=False).strip()

    def until(self, what: str, probe: Any) -> None:
        try:
            wait_for(what, probe, limit_s=30)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.first.log()}\n--- two\n{self.second.log()}") from error

    def holder(self) -> list[str]:
        return [pod.host.name for pod in (self.first, self.second) if pod.host.has(ADDRESS)]

    def status(self, node: str) -> dict[str, Any]:
        path = f"/apis/vipkeeper.dev/v1alpha1/namespaces/{NAMESPACE}/vrrpspeakers/default.{node}"
        return dict(self.server.objects.get(path, {}).get("status", {}))

    def ailments(self) -> list[list[str]]:
        return [self.status(node)["virtualRouters"][0].get("ailments", []) for node in ("one", "two")]

    def reported(self, node: str) -> str:
        routers = self.status(node).get("virtualRouters") or [{}]
        return str(routers[0].get("state", ""))


AS_AGENT = f"""
import os
import encodings.idna  # whatever is loaded later must be readable for the agent's user, and this Python need not be
import vipkeeper.agent.main
os.setgroups([{AGENT_ID}])
os.setgid({AGENT_ID})
os.setuid({AGENT_ID})
"""

WEB_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def server() -> Iterator[ApiServer]:
    api_server = ApiServer()
    yield api_server
    if api_server.running:
        api_server.stop()


@pytest.fixture
def site(lan: Lan, server: ApiServer) -> Site:
    site = Site(lan, server)
    site.until("the address answers", lambda: site.get() == "blue")
    site.until("the higher priority holds it", lambda: site.holder() == ["one"])
    site.until("both report", lambda: (site.reported("one"), site.reported("two")) == ("Active", "Backup"))
    site.until("both nginx serve it", lambda: all(site.status(node)["nginx"]["documents"] for node in ("one", "two")))
    return site


def test_a_document_in_the_api_server_becomes_an_address_that_answers_and_its_state_comes_back(site: Site) -> None:
    site.serve_from(8082)
    site.until("the other endpoint answers", lambda: site.get() == "green")
    site.server.delete(f"{CONFIGMAPS}/virtualip-web")
    site.until("the address is gone", lambda: site.holder() == [])


def test_a_killed_nginx_gives_the_address_away_and_takes_it_back_when_it_serves_again(site: Site) -> None:
    site.first.nginx.stop(signal.SIGKILL)
    site.until("the other one holds it", lambda: site.holder() == ["two"])
    assert site.get() == "blue"
    site.first.nginx.start_and_wait()
    site.until("the higher priority holds it again", lambda: site.holder() == ["one"])
    site.until("it answers", lambda: site.get() == "blue")


def test_an_nginx_that_lives_and_does_not_answer_loses_the_address_by_the_slow_check(site: Site) -> None:
    frozen = site.first.nginx.processes()
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        site.until("the other one holds it", lambda: site.holder() == ["two"])
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    site.until("the higher priority holds it again", lambda: site.holder() == ["one"])


def test_a_check_that_fails_makes_a_node_ill_and_shows_in_its_report(site: Site) -> None:
    """The agents of this test share a loopback, so both nodes fall ill; one still holds the address. The engines look at
    the loopbacks of their hosts, where the server goes on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for pod in (site.first, site.second):
            pod.host.start(sys.executable, "-c", WEB_SERVER, str(port), "here")
            wait_for("it listens", partial(pod.host.run, "ss", "-Htln", "sport", "=", f":{port}"))
        check = TCPCheck(ip_address("127.0.0.1"), port, 100, 500, 2, 3)
        document = replace(site.document(generation=2), health=HealthSection(tcp=(check,)))
        site.server.put(f"{CONFIGMAPS}/virtualip-web", render_configmap(document, NAMESPACE))
        for node in ("one", "two"):
            site.until("it runs", lambda node=node: site.status(node)["virtualRouters"][0]["generation"] == 2)
            assert site.status(node)["virtualRouters"][0].get("ailments", []) == []
        site.until(
            "checked", lambda: all("TCPCheckFailed healthy=True" in pod.log() for pod in (site.first, site.second))
        )
        assert site.holder() == ["one"]
    site.until("both are ill", lambda: site.ailments() == [["TCPCheckFailed"], ["TCPCheckFailed"]])
    site.until("one holds it", lambda: len(site.holder()) == 1)
    with socket.create_server(("127.0.0.1", port)):
        site.until("both are well", lambda: site.ailments() == [[], []])
        site.until("the higher priority holds it", lambda: site.holder() == ["one"])


def test_agents_that_die_and_come_back_without_an_api_server_change_nothing(site: Site) -> None:
    configuration = site.first.nginx.run / "nginx.conf"
    before = configuration.stat()
    site.server.stop()
    for pod in (site.first, site.second):
        pod.kill_agent()
        pod.start_agent()
    killed = site.first.speaker.kill_engine()
    site.first.speaker.wait_for_another_engine(killed)
    site.until("it answers", lambda: site.get() == "blue")
    site.first.host.cut()
    site.until("the other one holds it", lambda: "two" in site.holder())
    site.until("it answers from there", lambda: site.get() == "blue")
    site.first.host.heal()
    site.until("one holder again", lambda: site.holder() == ["one"])
    assert configuration.stat().st_mtime_ns == before.st_mtime_ns
