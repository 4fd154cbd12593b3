"""operator/vipkeeper/spec/status.py: stories, told report by report."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.unit.spec.objects import at, document, heard, report, speaker
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.parse import Refusal
from vipkeeper.spec.speaker import NetworkFinding
from vipkeeper.spec.status import Event, SpeakerView, build_status
from vipkeeper.spec.virtualip import VirtualIPStatus, parse_status


class Story:
    """A VirtualIP on n1 and n2, whose status goes through the API between two looks."""

    def __init__(self) -> None:
        self.status = VirtualIPStatus()
        self.generation = 1
        self.document: RenderedVirtualIP | None = document("n1", "n2")
        self.refusal: Refusal | None = None

    def look(self, when: datetime, *views: SpeakerView) -> list[str]:
        """Events, as `Type Reason: message`."""
        status, events = build_status(
            generation=self.generation,
            refusal=self.refusal,
            document=self.document,
            speakers=views,
            previous=self.status,
            now=when,
        )
        self.status = parse_status(status.to_json())
        return [_told(event) for event in events]

    def ready(self) -> str:
        condition = self.status.condition("Ready")
        return f"{condition.status} {condition.reason}" if condition else ""


def _told(event: Event) -> str:
    return f"{event.type} {event.reason}: {event.message}"


def node(name: str, state: str, since: float, heard_at: float | None = None, **changes: Any) -> SpeakerView:
    spoken = speaker(name, report(state, at(since), **changes))
    return heard(spoken, at(since if heard_at is None else heard_at))


def running() -> Story:
    story = Story()
    story.look(at(0), node("n1", "Active", 0), node("n2", "Backup", 0))
    return story


def test_from_apply_to_ready() -> None:
    story = Story()
    assert story.look(at(0)) == ["Normal Accepted: the spec is good"]
    assert (story.ready(), story.status.observed_generation) == ("False NoActive", None)
    events = story.look(at(2), node("n1", "Active", 2), node("n2", "Backup", 1))
    assert events == [
        "Normal Programmed: the nodes run generation 1",
        "Normal Claimed: n1 holds 192.0.2.10,2001:db8::10",
    ]
    assert story.ready() == "True Active"
    written = story.status.to_json()
    assert written["addresses"] == "192.0.2.10,2001:db8::10"
    assert (written["vrid"], written["activeNode"], written["interface"], written["backups"]) == (51, "n1", "eth0", 1)
    assert "lastTransition" not in written
    assert written["nodes"][1] == {
        "name": "n2",
        "state": "Backup",
        "priority": 100,
        "interface": "eth0",
        "health": "Healthy",
        "since": "2026-01-02T12:00:01.000Z",
    }


def test_nothing_changed_writes_nothing_and_tells_nothing() -> None:
    story = running()
    before = story.status
    assert story.look(at(35), node("n1", "Active", 0, 30), node("n2", "Backup", 0, 30)) == []
    assert story.status == before


def test_a_crash_is_one_move_with_its_duration_and_never_a_split_brain() -> None:
    story = running()
    cut = node("n1", "Active", 0, 95)
    events = story.look(at(101), cut, node("n2", "Active", 100, reason="NoResponse", takeover_ms=912.4))
    assert events == [
        "Warning FailedOver: 192.0.2.10,2001:db8::10 moved from n1 to n2 in 912 ms (NoResponse)",
        "Warning Degraded: no healthy node could take over from n2",
    ]
    assert story.ready() == "True Active"
    assert story.status.condition("SplitBrain") is None
    assert story.status.to_json()["lastTransition"] == {
        "from": "n1",
        "to": "n2",
        "reason": "NoResponse",
        "durationMs": 912.4,
        "time": "2026-01-02T12:01:40.000Z",
    }
    assert story.status.nodes[0].health == "Superseded"


def test_the_node_returns_and_takes_its_address_back() -> None:
    story = running()
    story.look(at(101), node("n1", "Active", 0, 95), node("n2", "Active", 100, reason="NoResponse"))
    events = story.look(
        at(131), node("n1", "Active", 130, reason="HigherPriority"), node("n2", "Backup", 130, reason="HigherPriority")
    )
    assert events == [
        "Normal FailedOver: 192.0.2.10,2001:db8::10 moved from n2 to n1 (HigherPriority)",
        "Normal BackupAvailable: after 30 s: n1 holds 192.0.2.10,2001:db8::10; healthy backups: 1",
    ]


def test_a_node_that_was_cut_off_and_never_gave_up_has_its_address_back_now_and_not_in_the_past() -> None:
    story = running()
    story.look(at(101), node("n1", "Active", 0, 95), node("n2", "Active", 100, reason="NoResponse", takeover_ms=912.4))
    events = story.look(at(131), node("n1", "Active", 0, 130), node("n2", "Backup", 130, reason="HigherPriority"))
    assert events[0] == "Normal FailedOver: 192.0.2.10,2001:db8::10 moved from n2 to n1 (HigherPriority)"
    assert story.status.last_transition is not None
    assert story.status.last_transition.time == at(131)


def test_a_handover_seen_in_the_middle_is_no_loss() -> None:
    story = running()
    assert story.look(at(50.2), node("n1", "Backup", 50), node("n2", "Backup", 0, 45)) == []
    assert (story.ready(), story.status.active_node) == ("Unknown HandingOver", "n1")
    events = story.look(at(50.4), node("n1", "Backup", 50), node("n2", "Active", 50.1, reason="PriorityZero"))
    assert events == ["Normal FailedOver: 192.0.2.10,2001:db8::10 moved from n1 to n2 (PriorityZero)"]


def test_a_handover_to_nobody_is_a_loss_after_the_blink_and_found_again_is_a_move() -> None:
    story = running()
    lost = [node("n1", "Initialize", 50, faults=["LinkDown"]), node("n2", "Initialize", 50, faults=["LinkDown"])]
    assert story.look(at(51), *lost) == []
    assert story.look(at(53.1), *lost) == ["Warning NoActive: n1 held 192.0.2.10,2001:db8::10, now nobody does"]
    assert (story.ready(), story.status.active_node, story.status.nodes[0].health) == (
        "False NoActive",
        None,
        "LinkDown",
    )
    assert story.look(at(60), *lost) == []
    (found, *_) = story.look(at(70), node("n1", "Initialize", 50, faults=["LinkDown"]), node("n2", "Active", 69))
    assert found == "Normal FailedOver: 192.0.2.10,2001:db8::10 moved from n1 to n2 (Startup)"


def test_a_split_brain_is_raised_while_both_speak_and_healed_when_one_gives_up() -> None:
    story = running()
    two = [node("n1", "Active", 0, 110), node("n2", "Active", 100, 110, reason="NoResponse")]
    events = story.look(at(110), *two)
    assert any(event.startswith("Warning SplitBrain: n1, n2 are all Active") for event in events)
    assert (story.ready(), story.status.active_node) == ("False SplitBrain", "n2")
    events = story.look(at(120), node("n1", "Active", 0, 120), node("n2", "Backup", 119))
    assert "Normal SplitBrainHealed: after 10 s: n1 holds 192.0.2.10,2001:db8::10; healthy backups: 1" in events
    assert story.ready() == "True Active"


def test_a_silent_holder_that_nobody_replaced_is_unknown_not_lost() -> None:
    story = running()
    assert story.look(at(60), node("n1", "Active", 0, 10), node("n2", "Backup", 0, 10)) == [
        "Warning Degraded: no healthy node could take over from n1"
    ]
    assert (story.ready(), story.status.active_node) == ("Unknown ActiveSilent", "n1")


def test_the_observed_generation_waits_for_every_running_speaker() -> None:
    story = running()
    story.generation, story.document = 2, document("n1", "n2", generation=2)
    story.look(at(10), node("n1", "Active", 0, generation=2), node("n2", "Backup", 0))
    assert (story.status.observed_generation, story.ready()) == (1, "False NotProgrammed")
    events = story.look(at(11), node("n1", "Active", 0, generation=2), node("n2", "Backup", 0, generation=2))
    assert events == ["Normal Programmed: the nodes run generation 2"]
    assert (story.status.observed_generation, story.ready()) == (2, "True Active")


def test_a_refused_edit_is_told_once_and_what_runs_is_still_shown() -> None:
    story = running()
    story.generation, story.refusal = 2, Refusal(("spec.vrid: 256 is above 255",))
    views = [node("n1", "Active", 0), node("n2", "Backup", 0)]
    assert story.look(at(10), *views) == ["Warning Refused: spec.vrid: 256 is above 255"]
    assert story.look(at(11), *views) == []
    assert (story.status.active_node, story.status.observed_generation, story.status.vrid) == ("n1", 1, 51)
    story.generation, story.refusal, story.document = 3, None, document("n1", "n2", generation=3)
    assert "Normal Accepted: the spec is good" in story.look(at(12), *views)


def test_an_object_that_was_never_good_keeps_its_pinned_vrid_and_shows_why() -> None:
    story = Story()
    story.status, story.document, story.refusal = (
        VirtualIPStatus(vrid=77),
        None,
        Refusal(("spec.addresses: is missing",)),
    )
    assert story.look(at(0)) == ["Warning Refused: spec.addresses: is missing"]
    assert (story.status.vrid, story.status.nodes, story.ready()) == (77, (), "False NoActive")


def two_elections() -> Story:
    story = Story()
    story.document = replace(document("n1", "n2"), families="Separate")
    return story


def both(name: str, ipv4: str, ipv6: str, since: float, **changes: Any) -> SpeakerView:
    """A node's report on each election."""
    reports = [report(state, at(since), family=family, **changes) for family, state in (("IPv4", ipv4), ("IPv6", ipv6))]
    return heard(speaker(name, *reports), at(since))


def test_two_elections_are_ready_when_each_has_its_active() -> None:
    story = two_elections()
    told = story.look(at(0), both("n1", "Active", "Backup", 0), both("n2", "Backup", "Active", 0))
    assert "Normal Claimed: n1 holds 192.0.2.10" in told
    assert "Normal Claimed: n2 holds 2001:db8::10" in told
    second = story.status.second_family
    assert second is not None
    assert (story.status.active_node, second.active_node, second.family) == ("n1", "n2", "IPv6")
    assert [node.state for node in story.status.nodes] == ["Active", "Backup"]
    assert [node.state for node in second.nodes] == ["Backup", "Active"]
    assert (story.status.addresses, second.addresses) == ("192.0.2.10,2001:db8::10", "2001:db8::10")
    assert story.ready() == "True Active"
    ready = story.status.condition("Ready")
    assert ready is not None
    assert ready.message == "n1 holds 192.0.2.10; n2 holds 2001:db8::10"
    assert story.look(at(1), both("n1", "Active", "Backup", 0), both("n2", "Backup", "Active", 0)) == []


def test_one_election_without_an_active_is_enough_not_to_be_ready() -> None:
    story = two_elections()
    story.look(at(0), both("n1", "Active", "Active", 0), both("n2", "Backup", "Backup", 0))
    assert story.look(at(9), both("n1", "Active", "Initialize", 5), both("n2", "Backup", "Backup", 5)) == [
        "Warning NoActive: n1 held 2001:db8::10, now nobody does"
    ]
    assert story.ready() == "False NoActive"
    assert story.status.active_node == "n1"


def test_a_family_that_moves_alone_is_told_as_its_own_move() -> None:
    story = two_elections()
    story.look(at(0), both("n1", "Active", "Active", 0), both("n2", "Backup", "Backup", 0))
    moved = both("n1", "Active", "Backup", 10), both("n2", "Backup", "Active", 10, reason="NoResponse", takeover_ms=361)
    assert story.look(at(11), *moved) == ["Warning FailedOver: 2001:db8::10 moved from n1 to n2 in 361 ms (NoResponse)"]
    second = story.status.second_family
    assert second is not None
    assert second.last_transition is not None
    assert second.last_transition.to == "n2"
    assert story.status.last_transition is None


def test_a_split_brain_of_one_family_is_one_of_the_object() -> None:
    story = two_elections()
    story.look(at(0), both("n1", "Active", "Active", 0), both("n2", "Backup", "Active", 0))
    assert story.status.condition("SplitBrain") is not None
    assert story.ready() == "False SplitBrain"


def test_a_part_that_runs_an_old_generation_is_not_programmed() -> None:
    story = two_elections()
    story.document, story.generation = replace(story.document or document("n1"), generation=2), 2
    late = heard(speaker("n1", report("Active", generation=2, family="IPv4"), report("Active", family="IPv6")), at(0))
    story.look(at(0), late)
    programmed = story.status.condition("Programmed")
    assert programmed is not None
    assert programmed.status == "False"


@pytest.mark.parametrize(
    ("kind", "over"),
    [
        ("MulticastBlocked", "MulticastHeard"),
        ("AddressConflict", "AddressConflictOver"),
        ("VRIDConflict", "VRIDConflictOver"),
    ],
)
def test_what_a_node_finds_on_the_network_is_an_event_when_it_begins_and_when_it_ends(kind: str, over: str) -> None:
    story = running()
    found = NetworkFinding(kind=kind, source="n1", detail="it is so", since=at(5))
    events = story.look(at(6), node("n1", "Active", 0, 6), node("n2", "Backup", 0, 6, findings=(found,)))
    assert [event.split(":")[0] for event in events] == [f"Warning {kind}"]
    assert story.ready() == "True Active"
    (event,) = story.look(at(16), node("n1", "Active", 0, 16), node("n2", "Backup", 0, 16))
    assert event.startswith(f"Normal {over}: after 10 s: n1 holds ")
