from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.unit.agent.samples import status
from vipkeeper.agent.speaker_report import SpeakerReport
from vipkeeper.ipc.messages import Finding, Refused, Rejected, SegmentHeard, Segments
from vipkeeper.spec.speaker import NginxReport, RefusedDocument

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_an_age_becomes_a_date_that_later_messages_about_the_same_state_do_not_move() -> None:
    report = SpeakerReport()
    report.router(status(since_ms=1000), NOON, 0)
    report.router(status(since_ms=6003, priority=1), NOON + seconds(5), 5)
    router = report.status().virtual_routers[0]
    assert router.since == NOON - seconds(1)
    assert router.priority == 1


def test_a_new_state_has_a_new_date() -> None:
    report = SpeakerReport()
    report.router(status(since_ms=1000), NOON, 0)
    report.router(status(state="Active", reason="NoResponse", since_ms=0), NOON, 0)
    assert report.status().virtual_routers[0].since == NOON


def test_the_same_state_entered_again_unseen_has_a_new_date() -> None:
    report = SpeakerReport()
    report.router(status(since_ms=1000), NOON, 0)
    report.router(status(since_ms=0), NOON + seconds(60), 60)
    assert report.status().virtual_routers[0].since == NOON + seconds(60)


def test_counters_alone_are_shown_once_in_a_minute() -> None:
    report = SpeakerReport()

    def counted(count: int, now_s: float) -> int:
        rejected = (Rejected("WrongChecksum", "192.0.2.66", count),)
        report.router(status(since_ms=1000 + int(now_s * 1000), rejected=rejected), NOON + seconds(now_s), now_s)
        return report.status().virtual_routers[0].rejected[0].count

    assert counted(1, 0) == 1
    assert counted(2, 30) == 1
    assert counted(3, 60) == 3


def test_addresses_that_were_put_back_are_counted_in_the_report() -> None:
    report = SpeakerReport()
    report.router(status(), NOON, 0)
    for count, now_s, shown in ((1, 61, 1), (2, 62, 1), (3, 121, 3)):
        report.router(status(put_back=count, since_ms=1000 * now_s), NOON + seconds(now_s), now_s)
        assert report.status().virtual_routers[0].addresses_put_back == shown


def test_counters_come_along_with_any_other_change() -> None:
    report = SpeakerReport()
    report.router(status(), NOON, 0)
    report.router(status(priority=1, rejected=(Rejected("WrongChecksum", "192.0.2.66", 7),)), NOON, 1)
    assert report.status().virtual_routers[0].rejected[0].count == 7


def test_what_was_found_keeps_its_date_although_ages_are_measured_anew() -> None:
    report = SpeakerReport()
    for age_ms, now_s in ((1000, 1.0), (1990, 2.0), (3020, 3.0)):
        found = Finding("MulticastBlocked", "worker2", "adverts do not arrive", age_ms)
        report.router(status(findings=(found,), since_ms=int(now_s * 1000)), NOON + seconds(now_s), now_s)
    assert [item.since for item in report.status().virtual_routers[0].findings] == [NOON]


def test_a_refusal_stands_until_the_engine_runs_that_generation_or_a_later_one() -> None:
    report = SpeakerReport()
    report.refused(Refused("web", 3, ("interface: is missing",)))
    report.router(status(generation=2), NOON, 0)
    assert [(item.document, item.generation) for item in report.status().refused] == [("web", 3)]
    report.router(status(generation=4), NOON, 1)
    assert report.status().refused == ()


def test_unreadable_documents_and_refused_ones_stand_side_by_side() -> None:
    report = SpeakerReport()
    report.refused(Refused("b", 1, ("x",)))
    report.unreadable = {"a": RefusedDocument(document="a", generation=1, problems=("y",))}
    assert [item.document for item in report.status().refused] == ["a", "b"]


def test_routers_that_ended_or_of_which_a_new_engine_does_not_speak_go() -> None:
    report = SpeakerReport()
    for name in ("a", "b", "c"):
        report.router(status(name), NOON, 0)
    report.router_gone("a")
    report.engine_started("2")
    assert len(report.status().virtual_routers) == 2
    report.keep_routers({"b"})
    assert [router.name for router in report.status().virtual_routers] == ["b"]


def test_without_an_engine_nothing_is_said_about_routers_but_still_about_nginx() -> None:
    report = SpeakerReport()
    report.engine_started("1")
    report.nginx = NginxReport(generation="aa", ok=True)
    report.router(status(), NOON, 0)
    report.engine_lost()
    assert report.status().to_json() == {
        "engineVersion": "",
        "virtualRouters": [],
        "refused": [],
        "nginx": {"generation": "aa", "ok": True, "documents": [], "refused": []},
        "segments": [],
    }


def test_each_election_of_a_document_has_a_report_and_ends_alone_or_with_the_others() -> None:
    report = SpeakerReport()
    for family in ("IPv6", "IPv4"):
        report.router(status(family=family), NOON, 0)
    assert [item.family for item in report.status().virtual_routers] == ["IPv4", "IPv6"]
    report.router_gone("web", "IPv6")
    assert [item.family for item in report.status().virtual_routers] == ["IPv4"]
    assert report.runs("web")
    report.router_gone("web")
    assert not report.runs("web")


def test_a_damped_router_has_a_date_that_later_messages_do_not_move() -> None:
    report = SpeakerReport()
    report.router(status(damped_ms=30_000), NOON, 0)
    report.router(status(damped_ms=24_900, since_ms=6000), NOON + seconds(5), 5)
    assert report.status().virtual_routers[0].damped_until == NOON + seconds(30)
    report.router(status(damped_ms=60_000, since_ms=7000), NOON + seconds(6), 6)
    assert report.status().virtual_routers[0].damped_until == NOON + seconds(66)
    report.router(status(since_ms=8000), NOON + seconds(7), 7)
    assert report.status().virtual_routers[0].damped_until is None


def test_what_is_heard_of_others_stays_until_the_engine_says_otherwise() -> None:
    report = SpeakerReport()
    report.engine_started("1")
    report.segments(Segments((SegmentHeard("eth0", "192.0.2.0/24", (7, 99)),)))
    report.engine_started("1")
    assert report.status().to_json()["segments"] == [
        {"interface": "eth0", "segment": "192.0.2.0/24", "foreignVRIDs": [7, 99]}
    ]
    report.segments(Segments(()))
    assert report.status().segments == ()
