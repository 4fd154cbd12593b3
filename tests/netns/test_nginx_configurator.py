"""nginx/configurator.py with the real entry script, the real nginx and what render/nginx.py really makes."""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from tests.netns.sidecar import READINESS_PORT, Sidecar
from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer
from vipkeeper.nginx.configurator import NginxConfigurator
from vipkeeper.nginx.files import NginxFiles
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.spec.speaker import NginxReport

pytestmark = [pytest.mark.root, pytest.mark.requires("nginx", "unshare", "setpriv")]


def wanted(port: int = 80, generation: int = 1, address: str = "192.0.2.10") -> Wanted:
    return Wanted((document("web", port, address, generation),), READINESS_PORT)


def document(name: str, port: int, address: str, generation: int = 1, snippet: str = "") -> RenderedVirtualIP:
    return RenderedVirtualIP(
        name=name,
        uid="uid",
        generation=generation,
        placement="default",
        vrid=51,
        advertisement_interval_cs=25,
        preempt=True,
        addresses=(RenderedAddress(ip_address(address)),),
        interface=None,
        nodes={"worker1": NodeShare(100, 0)},
        nginx=NginxSection((HTTPServer(port, (UpstreamServer("127.0.0.1", 8080),), snippet=snippet),)),
    )


def both(web: RenderedVirtualIP, other_port: int) -> Wanted:
    return Wanted((document("other", other_port, "192.0.2.20"), web), READINESS_PORT)


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
        return self.until(lambda report: report.ok and report.generation == what.render().generation)


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
    nginx.sidecar.wait_for_result(wanted().render().generation)
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
    assert report.generation == wanted(80).render().generation
    assert [item.name for item in report.documents] == ["web"]
    nginx.sidecar.in_namespace("sysctl", "-q", "-w", "net.ipv4.ip_nonlocal_bind=1")
    nginx.until_runs(other)


def test_an_address_in_use_which_the_test_overlooks_is_told_too(nginx: Configured) -> None:
    nginx.configurator.want(wanted(80))
    nginx.until_runs(wanted(80))
    with nginx.sidecar.squatter("192.0.2.10", 81):
        nginx.configurator.want(wanted(81))
        report = nginx.until(lambda report: report.refused != ())
        assert not report.ok
        assert "bind() to 192.0.2.10:81 failed (98: Address already in use)" in report.refused[0].message
        assert report.refused[0].field == "spec.nginx.http[0]"
        assert report.generation == wanted(80).render().generation
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
    nginx.sidecar.wait_for_result(wanted().render().generation)
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


def test_a_bad_snippet_is_told_with_its_field_and_stops_nobody_else(nginx: Configured) -> None:
    good, bad = document("web", 80, "192.0.2.10"), document("web", 81, "192.0.2.10", 2, "bogus on;")
    nginx.configurator.want(both(good, 80))
    nginx.until_runs(both(good, 80))
    nginx.configurator.want(both(bad, 8080))
    report = nginx.until(lambda report: report.refused != ())
    assert not report.ok
    assert report.message is None
    (refused,) = report.refused
    assert (refused.document, refused.generation) == ("web", 2)
    assert refused.field == "spec.nginx.http[0].snippet"
    assert refused.message == 'unknown directive "bogus"'
    assert [(item.name, item.generation) for item in report.documents] == [("other", 1), ("web", 1)]
    assert "192.0.2.10:80 " in listening(nginx.sidecar), "what ran before keeps serving"
    assert "192.0.2.20:8080 " in listening(nginx.sidecar), "the other one has changed"
    nginx.configurator.want(both(bad, 9090))
    nginx.until(lambda report: report.generation == both(good, 9090).render().generation)
    nginx.configurator.want(both(document("web", 81, "192.0.2.10", 3), 9090))
    nginx.until_runs(both(document("web", 81, "192.0.2.10", 3), 9090))


def test_what_never_ran_is_left_out_while_it_is_bad(nginx: Configured) -> None:
    bad = document("web", 81, "192.0.2.10", 1, "bogus on;")
    nginx.configurator.want(both(bad, 80))
    report = nginx.until(lambda report: report.refused != ())
    assert [item.name for item in report.documents] == ["other"]
    assert "192.0.2.20:80 " in listening(nginx.sidecar)


def test_a_restarted_agent_still_knows_what_ran_before_the_bad_one(nginx: Configured) -> None:
    good, bad = document("web", 80, "192.0.2.10"), document("web", 81, "192.0.2.10", 2, "bogus on;")
    nginx.configurator.want(both(good, 80))
    nginx.until_runs(both(good, 80))
    again = Configured(nginx.sidecar)
    again.configurator.want(both(bad, 8080))
    report = again.until(lambda report: report.refused != ())
    assert [(item.name, item.generation) for item in report.documents] == [("other", 1), ("web", 1)]
    assert "192.0.2.10:80 " in listening(nginx.sidecar)


def test_reloads_are_a_second_apart_and_the_last_change_is_in_effect_soon(nginx: Configured) -> None:
    nginx.configurator.want(wanted(80))
    nginx.until_runs(wanted(80))
    began_s, reloads = time.monotonic(), set()
    port = 1000
    while time.monotonic() < began_s + 3.2:
        port += 1
        nginx.configurator.want(wanted(port))
        reloads.add(nginx.sidecar.generation())
        time.sleep(0.05)
    changed_s = time.monotonic()
    nginx.until_runs(wanted(port))
    assert time.monotonic() - changed_s < 10, "one second and a reload; the machine may be busy"
    assert 2 <= len(reloads) <= 5
