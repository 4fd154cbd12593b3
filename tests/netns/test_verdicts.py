"""Verdicts on `spec.health` that come late, or never: what an engine does in the meantime (engine/verdicts.py)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document
from tests.netns.test_nginx_watch import StatusSocket
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, RenderedVirtualIP, TCPCheck

pytestmark = [pytest.mark.root, pytest.mark.requires("ip")]

VIP = "192.0.2.100"
GOOD, BAD = (Health(HealthSource.TCP_CHECK, healthy, name="web") for healthy in (True, False))


def checked(priorities: dict[str, int]) -> RenderedVirtualIP:
    check = TCPCheck(ip_address("192.0.2.254"), 5432, 100, 100, 2, 3)  # elsewhere: the engine itself does not look
    return replace(document(priorities, VIP), health=HealthSection(tcp=(check,)))


def test_a_router_that_starts_holds_back_until_its_verdict_comes_and_another_engine_does_too(lan: Lan) -> None:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    two.apply(document({"one": 200, "two": 100}, VIP))
    two.wait_until("Active")
    one.apply(checked({"one": 200, "two": 100}))
    status = one.wait_until("Backup")
    assert (status.priority, status.ailments) == (1, ("NotCheckedYet",))
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    status = one.wait_until("Backup")
    assert (status.priority, status.ailments) == (1, ("NotCheckedYet",))
    one.agent.send(GOOD)
    status = one.wait_until("Active")
    assert (status.priority, status.ailments) == (200, ())


def test_it_holds_back_for_a_limited_time_because_the_agent_may_be_away(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    one.apply(checked({"one": 200}))
    assert one.wait_until("Active").priority == 1, "nobody else is there: the last resort"
    one.leave_agent()
    wait_for("taken as healthy", lambda: "nobody has checked it so far; taken as healthy vip=web" in one.log(), 20)
    one.wait_until("Active")
    assert one.told().priority == 200
    assert one.agent.transitions() == [("Active", "NoResponse")]


def test_a_failure_counts_for_its_document_alone_and_goes_with_the_check(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    other = document({"one": 200}, "192.0.2.101", name="other", vrid=52)
    one.apply(checked({"one": 200}), other)
    one.agent.send(GOOD)
    for name in ("web", "other"):
        one.wait_until("Active", name)
    one.agent.send(BAD)
    wait_for("web is ill", lambda: one.told().ailments == ("TCPCheckFailed",))
    assert one.told("other").ailments == ()
    one.apply(replace(document({"one": 200}, VIP), generation=2))
    wait_for("without the check it is healthy", lambda: one.told().ailments == ())
    one.apply(replace(checked({"one": 200}), generation=3))
    wait_for("it runs", lambda: one.told().generation == 3)
    stays("what was said before is forgotten", lambda: one.told().ailments == (), 0.3)


def test_a_verdict_is_known_to_the_next_engine_without_the_agent(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    one.apply(checked({"one": 200}))
    one.agent.send(BAD)
    assert one.wait_until("Active").ailments == ("TCPCheckFailed",)
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    assert one.wait_until("Active").ailments == ("TCPCheckFailed",)


def test_what_is_said_about_documents_that_are_not_there_is_passed_over(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    one.agent.send(BAD)
    one.apply(checked({"one": 200}))
    one.agent.send(GOOD)
    assert one.wait_until("Active").ailments == ()


def test_a_verdict_stands_for_as_long_as_its_agent_is_away(lan: Lan) -> None:
    """Good or bad: nobody has said anything else since."""
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    for speaker in (one, two):
        speaker.apply(checked({"one": 200, "two": 100}))
        speaker.agent.send(GOOD)
    one.wait_until("Active", limit_s=40)
    one.leave_agent()
    two.leave_agent()
    stays("one has it", lambda: lan.owners(VIP) == ["one"], 2)
    one.agent.send(BAD)
    wait_for("it is told", lambda: one.told().ailments == ("TCPCheckFailed",))
    one.leave_agent()
    wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
    stays("two has it", lambda: lan.owners(VIP) == ["two"], 2)
    one.agent.send(GOOD)
    wait_for("one has it", lambda: lan.owners(VIP) == ["one"], 20)


def test_a_node_whose_nginx_has_not_loaded_the_section_takes_the_address_from_nobody(lan: Lan) -> None:
    one, two = (Speaker(lan.host(name), nginx=True) for name in ("one", "two"))
    served = document({"one": 200, "two": 100}, VIP, nginx=True)
    for speaker in (one, two):
        StatusSocket(speaker)
        speaker.start()
    two.apply(served)
    two.wait_until("Active")
    one.apply(served, served=False)
    status = one.wait_until("Backup")
    assert (status.priority, status.ailments) == (200, ())
    stays("it is left where it is", lambda: lan.owners(VIP) == ["two"], 2.0)
    one.agent.send(Health(HealthSource.SECTION, True, name="web"))
    one.wait_until("Active")
    two.wait_until("Backup")


def test_without_another_one_it_does_not_wait_for_nginx(lan: Lan) -> None:
    one = Speaker(lan.host("one"), nginx=True)
    StatusSocket(one)
    one.start().apply(document({"one": 200}, VIP, nginx=True), served=False)
    one.wait_until("Active", limit_s=5)
