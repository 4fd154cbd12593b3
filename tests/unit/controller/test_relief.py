"""operator/vipkeeper/controller/relief.py"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.netns.speaker import document
from tests.unit.controller.world import START
from vipkeeper.controller.relief import OUR_TROUBLES, can_be_relieved, does_its_work, is_active
from vipkeeper.spec.speaker import (
    NginxDocument,
    NginxRefusal,
    NginxReport,
    VirtualRouterReport,
    VRRPSpeaker,
    VRRPSpeakerStatus,
)

WEB = document({"w1": 200, "w2": 150, "w3": 100})
LATER = START + timedelta(seconds=1)


def report(state: str = "Backup", since: datetime = LATER, **members: Any) -> VirtualRouterReport:
    values: dict[str, Any] = {
        "name": "web",
        "uid": WEB.uid,
        "generation": 1,
        "vrid": 51,
        "state": state,
        "priority": 100,
    }
    return VirtualRouterReport(**(values | {"since": since} | members))


def speaker(node: str, *reports: VirtualRouterReport) -> VRRPSpeaker:
    return VRRPSpeaker(node_name=node, placement="default", status=VRRPSpeakerStatus(virtual_routers=reports))


def works(*reports: VirtualRouterReport) -> bool:
    return does_its_work(speaker("w2", *reports), [WEB], START)


def test_a_speaker_works_when_it_reports_everything_from_its_own_life() -> None:
    assert works(report())
    assert works(report("Active"))
    assert not works()
    assert not works(report(since=START - timedelta(seconds=1)))
    assert not works(report(uid="of another object of that name"))
    assert does_its_work(speaker("w9"), [WEB], START), "its node takes no part"


@pytest.mark.parametrize("trouble", sorted(OUR_TROUBLES))
def test_a_trouble_that_may_be_the_new_version_s_is_waited_for(trouble: str) -> None:
    assert not works(report("Initialize", faults=(trouble,)))
    assert not works(report(ailments=(trouble,)))


@pytest.mark.parametrize("trouble", ["LinkDown", "InterfaceMissing", "AddressConflict", "TCPCheckFailed", "Draining"])
def test_a_trouble_of_the_node_s_holds_nobody_up(trouble: str) -> None:
    assert works(report("Initialize", faults=(trouble,)))
    assert works(report(ailments=(trouble,)))


def test_nginx_of_the_new_version_has_loaded_the_section_or_refused_it() -> None:
    web = document({"w1": 200, "w2": 150}, nginx=True)

    def works_with(nginx: NginxReport | None) -> bool:
        status = VRRPSpeakerStatus(virtual_routers=(report(),), nginx=nginx)
        return does_its_work(VRRPSpeaker(node_name="w2", placement="default", status=status), [web], START)

    assert works_with(None), "an installation without nginx"
    assert not works_with(NginxReport(generation="aa"))
    assert works_with(NginxReport(documents=(NginxDocument(name="web", generation=1),)))
    refusal = NginxRefusal(document="web", generation=1, field="spec.nginx", message="unknown directive")
    assert works_with(NginxReport(refused=(refusal,)))


def relieved(*others: VRRPSpeaker, audible: tuple[VRRPSpeaker, ...] | None = None) -> bool:
    holder = speaker("w1", report("Active"))
    return can_be_relieved("w1", [WEB], [holder, *others], others if audible is None else audible)


def test_a_healthy_backup_that_is_heard_can_take_over() -> None:
    backup = speaker("w2", report())
    assert relieved(backup)
    assert not relieved(backup, audible=())
    assert not relieved()


@pytest.mark.parametrize(
    "other",
    [
        report("Initialize", faults=("LinkDown",)),
        report(ailments=("TCPCheckFailed",)),
        report("Active"),
        report(uid="of another object of that name"),
        report(name="mail"),
    ],
)
def test_nobody_else_can(other: VirtualRouterReport) -> None:
    assert not relieved(speaker("w2", other))
    assert relieved(speaker("w2", other), speaker("w3", report()))


def test_each_address_needs_somebody() -> None:
    mail = document({"w1": 200, "w2": 100}, "192.0.2.101", name="mail")
    holder = speaker("w1", report("Active"), report("Active", name="mail", uid=mail.uid))
    other = speaker("w2", report())
    assert not can_be_relieved("w1", [WEB, mail], [holder, other], [other])
    both = speaker("w2", report(), report(name="mail", uid=mail.uid))
    assert can_be_relieved("w1", [WEB, mail], [holder, both], [both])


def test_who_is_alone_need_not_wait_for_ever() -> None:
    alone = document({"w1": 200})
    assert can_be_relieved("w1", [alone], [speaker("w1", report("Active"))], [])
    assert can_be_relieved("w7", [WEB], [], []), "nothing is known of it"


def test_active_is_who_says_so_of_any_address() -> None:
    assert is_active(speaker("w1", report(), report("Active", name="mail")))
    assert not is_active(speaker("w1", report()))
