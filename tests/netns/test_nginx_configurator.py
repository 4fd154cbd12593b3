"""agent/nginx_config.py with the real entry script, the real nginx and what render/nginx.py really makes."""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from tests.netns.sidecar import READINESS_PORT, Sidecar
from vipkeeper.agent.nginx_config import NginxConfigurator, Wanted
from vipkeeper.agent.nginx_files import NginxFiles
from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer
from vipkeeper.render.nginx import render_nginx
from vipkeeper.spec.speaker import NginxReport

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "unshare", "setpriv")]


def wanted(port: int = 80, generation: int = 1, address: str = "192.0.2.10") -> Wanted:
    document = RenderedVirtualIP(
        name="web",
        uid="uid",
        generation=generation,
        placement="default",
        vrid=51,
        advertisement_interval_cs=25,
        preempt=True,
        addresses=(RenderedAddress(ip_address(address)),),
        interface=None,
        nodes={"worker1": NodeShare(100, 0)},
        nginx=NginxSection((HTTPServer(port=port, servers=(UpstreamServer("127.0.0.1", 8080),)),)),
    )
    return Wanted(render_nginx([document], {}, READINESS_PORT), (("web", generation),))


class Configured:
    """A sidecar with the agent's part at work on it."""

    def __init__(self, sidecar: Sidecar) -> None:
        self.sidecar = sidecar
        self._reports: queue.SimpleQueue[NginxReport] = queue.SimpleQueue()
        self.configurator = NginxConfigurator(NginxFiles(sidecar.run), self._reports.put)

    def until(self, condition: Callable[[NginxReport], bool]) -> NginxReport:
        while not condition(report := self._reports.get(timeout=30)):
            pass
        return report

    def until_runs(self, what: Wanted) -> NginxReport:
        return self.until(lambda report: report.ok and report.generation == what.configuration.generation)


@pytest.fixture
def sidecar() -> Iterator[Sidecar]:
    machine = Sidecar()
    try:
        machine.in_namespace("sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=1")
        yield machine
    finally:
        machine.close()


@pytest.fixture
def nginx(sidecar: Sidecar) -> Configured:
    sidecar.start_and_wait()
    return Configured(sidecar)


def listening(sidecar: Sidecar) -> str:
    return sidecar.in_namespace("ss", "-Hltn")


def test_what_is_wanted_comes_to_run_and_is_reported_with_its_documents(nginx: Configured) -> None:
    nginx.configurator.want(wanted(80))
    report = nginx.until_runs(wanted(80))
    assert [(item.name, item.generation) for item in report.documents] == [("web", 1)]
    assert "192.0.2.10:80" in listening(nginx.sidecar)
    nginx.configurator.want(wanted(81))
    nginx.until_runs(wanted(81))
    assert "192.0.2.10:81" in listening(nginx.sidecar)


def test_a_new_generation_of_the_document_alone_is_reported_without_a_reload(nginx: Configured) -> None:
    nginx.configurator.want(wanted())
    nginx.until_runs(wanted())
    nginx.sidecar.wait_for_result(wanted().configuration.generation)
    before = (nginx.sidecar.run / "result.json").stat().st_mtime_ns
    nginx.configurator.want(wanted(generation=2))
    report = nginx.until(lambda report: report.documents != () and report.documents[0].generation == 2)
    assert report.ok
    assert (nginx.sidecar.run / "result.json").stat().st_mtime_ns == before


def test_a_refused_configuration_is_told_in_nginx_own_words_and_taken_once_its_cause_is_gone(nginx: Configured) -> None:
    nginx.configurator.want(wanted(80))
    nginx.until_runs(wanted(80))
    nginx.sidecar.in_namespace("sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=0")
    other = wanted(80, address="192.0.2.11")
    nginx.configurator.want(other)
    report = nginx.until(lambda report: not report.ok)
    assert report.message == "bind() to 192.0.2.11:80 failed (99: Cannot assign requested address)"
    assert report.generation == wanted(80).configuration.generation
    assert [item.name for item in report.documents] == ["web"]
    nginx.sidecar.in_namespace("sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=1")
    nginx.until_runs(other)


def test_an_address_in_use_which_the_test_overlooks_is_told_too(nginx: Configured) -> None:
    nginx.configurator.want(wanted(80))
    nginx.until_runs(wanted(80))
    with nginx.sidecar.squatter("192.0.2.10", 81):
        nginx.configurator.want(wanted(81))
        report = nginx.until(lambda report: not report.ok)
        assert report.message is not None
        assert "bind() to 192.0.2.10:81 failed (98: Address already in use)" in report.message
        assert report.generation == wanted(80).configuration.generation
    nginx.until_runs(wanted(81))


def test_a_killed_nginx_is_reported_and_back_with_the_wanted_configuration(nginx: Configured) -> None:
    nginx.configurator.want(wanted())
    nginx.until_runs(wanted())
    nginx.sidecar.stop(signal.SIGKILL)
    nginx.until(lambda report: not report.ok)
    nginx.sidecar.start()
    nginx.until_runs(wanted())


def test_many_changes_end_with_the_last_one_after_few_reloads(nginx: Configured) -> None:
    for port in range(1000, 1050):
        nginx.configurator.want(wanted(port))
    nginx.until_runs(wanted(1049))
    assert "192.0.2.10:1049" in listening(nginx.sidecar)


def test_a_restarted_agent_does_not_touch_a_configuration_that_is_right(nginx: Configured) -> None:
    nginx.configurator.want(wanted())
    nginx.until_runs(wanted())
    nginx.sidecar.wait_for_result(wanted().configuration.generation)
    before = [(nginx.sidecar.run / name).stat().st_mtime_ns for name in ("nginx.conf", "result.json")]
    again = Configured(nginx.sidecar)
    again.configurator.want(wanted())
    again.until_runs(wanted())
    assert [(nginx.sidecar.run / name).stat().st_mtime_ns for name in ("nginx.conf", "result.json")] == before


def test_an_agent_that_is_there_before_nginx_waits_for_it(sidecar: Sidecar) -> None:
    nginx = Configured(sidecar)
    nginx.configurator.want(wanted())
    nginx.until(lambda report: not report.ok)
    sidecar.start_and_wait()
    nginx.until_runs(wanted())
