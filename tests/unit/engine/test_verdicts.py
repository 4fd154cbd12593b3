"""operator/vipkeeper/engine/verdicts.py"""

from __future__ import annotations

from ipaddress import ip_address

from tests.unit.engine.samples import web
from vipkeeper.engine.verdicts import FIRST_VERDICT_NS, Verdicts, time_to_fail_ns
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, HTTPCheck, PodSelection, TCPCheck
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer

LOOPBACK = ip_address("127.0.0.1")
TCP = HealthSection(tcp=(TCPCheck(LOOPBACK, 5432, 1000, 1000, 2, 3),))
BOTH = HealthSection(http=(HTTPCheck(LOOPBACK, 80, 2000, 5000, 2, 4, path="/"),), tcp=TCP.tcp)
NGINX = NginxSection((HTTPServer(80, (UpstreamServer("127.0.0.1", 1),)),))


def tcp(healthy: bool, name: str = "web") -> Health:
    return Health(HealthSource.TCP_CHECK, healthy, name=name)


def test_a_verdict_counts_for_its_document_and_for_no_other() -> None:
    verdicts = Verdicts({})
    assert verdicts.take(tcp(False))
    assert verdicts.ailments(web(health=TCP), None) == {"TCPCheckFailed"}
    assert verdicts.ailments(web(name="other", health=TCP), None) == frozenset()
    assert not verdicts.take(tcp(False))
    assert verdicts.take(tcp(True))
    assert verdicts.ailments(web(health=TCP), None) == frozenset()


def test_nginx_counts_where_there_is_an_nginx_section_and_an_nginx() -> None:
    verdicts = Verdicts({("", "NginxNotReady"): False})
    assert verdicts.ailments(web(nginx=NGINX), True) == {"NginxNotReady", "NginxGone"}
    assert verdicts.ailments(web(nginx=NGINX), False) == {"NginxNotReady"}
    assert verdicts.ailments(web(nginx=NGINX), None) == frozenset()
    assert verdicts.ailments(web(health=TCP), True) == frozenset()


def test_a_refused_connection_is_an_ailment_of_its_own() -> None:
    verdicts = Verdicts({("web", "TCPCheckFailed"): False})
    assert verdicts.ailments(web(health=TCP), None, True) == {"TCPCheckFailed", "ConnectionRefused"}
    verdicts.take(tcp(True))
    assert verdicts.ailments(web(health=TCP), None, True) == {"ConnectionRefused"}


def test_unknown_is_no_ailment_of_a_router_that_runs() -> None:
    assert Verdicts({}).ailments(web(health=BOTH), None) == frozenset()


def test_a_router_that_starts_holds_back_until_every_kind_of_check_has_a_verdict() -> None:
    verdicts = Verdicts({})
    verdicts.expect(web(health=BOTH), 0)
    assert verdicts.ailments(web(health=BOTH), None) == {"NotCheckedYet"}
    verdicts.take(tcp(True))
    assert verdicts.ailments(web(health=BOTH), None) == {"NotCheckedYet"}
    verdicts.take(Health(HealthSource.HTTP_CHECK, True, name="web"))
    assert verdicts.ailments(web(health=BOTH), None) == frozenset()
    assert verdicts.deadline_ns() is None


def test_it_does_not_hold_back_for_ever() -> None:
    verdicts = Verdicts({})
    verdicts.expect(web(health=BOTH), 7)
    limit_ns = 7 + FIRST_VERDICT_NS + 20_000_000_000
    assert verdicts.deadline_ns() == limit_ns
    assert verdicts.time_passed(limit_ns - 1) == []
    assert verdicts.time_passed(limit_ns) == ["web"]
    assert verdicts.ailments(web(health=BOTH), None) == frozenset()


def test_with_verdicts_or_without_checks_nothing_is_expected() -> None:
    verdicts = Verdicts({("web", "TCPCheckFailed"): True})
    verdicts.expect(web(health=TCP), 0)
    verdicts.expect(web(name="plain"), 0)
    assert verdicts.deadline_ns() is None


def test_checks_that_an_edit_took_away_are_forgotten_with_their_verdict() -> None:
    verdicts = Verdicts({("web", "TCPCheckFailed"): False, ("web", "HTTPCheckFailed"): False})
    verdicts.run(web(health=TCP))
    assert verdicts.ailments(web(health=BOTH), None) == {"TCPCheckFailed"}
    verdicts.forget("web")
    assert verdicts.ailments(web(health=BOTH), None) == frozenset()


def test_the_time_to_fail_is_that_of_the_slowest_check() -> None:
    assert time_to_fail_ns(web(health=TCP)) == 3_000_000_000
    assert time_to_fail_ns(web(health=BOTH)) == 20_000_000_000
    assert time_to_fail_ns(web()) == 0


def test_selected_pods_are_a_source_like_the_checks() -> None:
    selecting = web(health=HealthSection(pods=PodSelection("shop", "app=web")))
    verdicts = Verdicts({})
    verdicts.expect(selecting, 0)
    assert verdicts.ailments(selecting, None) == {"NotCheckedYet"}
    verdicts.take(Health(HealthSource.PODS, False, name="web"))
    assert verdicts.ailments(selecting, None) == {"PodsNotReady"}
    assert verdicts.ailments(web(name="other", health=TCP), None) == frozenset()


def test_a_section_that_nginx_does_not_serve_is_an_ailment_of_its_document_alone() -> None:
    verdicts = Verdicts({})
    assert verdicts.take(Health(HealthSource.SECTION, False, "port taken", "web"))
    assert verdicts.ailments(web(nginx=NGINX), False) == {"NginxDoesNotServe"}
    verdicts.run(web(nginx=NGINX))
    assert verdicts.ailments(web(nginx=NGINX), False) == {"NginxDoesNotServe"}
    verdicts.run(web())  # the section is gone, and what was said of it
    assert verdicts.ailments(web(nginx=NGINX), False) == frozenset()


def section(healthy: bool) -> Health:
    return Health(HealthSource.SECTION, healthy, name="web")


def test_a_router_that_starts_is_warming_until_somebody_says_whether_nginx_serves_it() -> None:
    verdicts = Verdicts({})
    verdicts.expect(web(nginx=NGINX), 0)
    assert verdicts.ailments(web(nginx=NGINX), False) == frozenset()
    assert verdicts.is_warming(web(nginx=NGINX))
    verdicts.take(section(True))
    assert not verdicts.is_warming(web(nginx=NGINX))
    verdicts.take(section(False))
    assert verdicts.ailments(web(nginx=NGINX), False) == {"NginxDoesNotServe"}


def test_it_is_warming_for_a_limited_time_and_not_where_there_is_no_nginx() -> None:
    verdicts, without = Verdicts({}), Verdicts({}, nginx=False)
    for each in (verdicts, without):
        each.expect(web(nginx=NGINX), 0)
    assert not without.is_warming(web(nginx=NGINX))
    assert without.deadline_ns() is None
    assert verdicts.time_passed(FIRST_VERDICT_NS) == ["web"]
    assert not verdicts.is_warming(web(nginx=NGINX))


def test_a_router_that_runs_is_not_warming() -> None:
    assert not Verdicts({}).is_warming(web(nginx=NGINX))
