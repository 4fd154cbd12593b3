"""A planned move, phase by phase."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.spec.objects import UID, at, report, speaker
from vipkeeper.spec.move import Move, MovePhase, judge_move
from vipkeeper.spec.speaker import VRRPSpeaker
from vipkeeper.spec.virtualip import MoveStatus

NODES = ("n1", "n2", "n3")


def says(node: str, state: str, **changes: Any) -> VRRPSpeaker:
    return speaker(node, report(state, at(0), **changes))


WELL = [says("n1", "Active"), says("n2", "Backup"), says("n3", "Backup")]
MOVED = [says("n1", "Backup"), says("n2", "Active"), says("n3", "Backup")]


def judged(
    target: str, *speakers: VRRPSpeaker, before: MovePhase | None = None, silent: tuple[str, ...] = (), node: str = "n2"
) -> Move:
    was = None if before is None else MoveStatus(node=node, phase=before, reason="of before", since=at(0))
    return judge_move(target, was, NODES, speakers, silent, "web", UID)


def test_a_node_that_is_well_is_to_take_the_addresses_and_then_has_them() -> None:
    assert judged("n2", *WELL) == Move("n2", MovePhase.ACCEPTED)
    assert judged("n2", *WELL, before=MovePhase.ACCEPTED) == Move("n2", MovePhase.ACCEPTED)
    assert judged("n2", *MOVED, before=MovePhase.ACCEPTED) == Move("n2", MovePhase.DONE)
    assert judged("n2", *MOVED, before=MovePhase.DONE).is_in_force


def test_the_node_that_has_them_keeps_them_at_once() -> None:
    assert judged("n1", *WELL).phase is MovePhase.DONE


def test_a_new_virtualip_on_which_nobody_reports_yet_goes_where_it_shall() -> None:
    assert judged("n2", speaker("n2")).phase is MovePhase.ACCEPTED
    other = [says(node, "Active", uid="another") for node in NODES]
    assert judged("n2", *other).phase is MovePhase.ACCEPTED, "reports of an object that was deleted"


@pytest.mark.parametrize(
    ("target", "speakers", "silent", "why"),
    [
        ("n9", WELL, (), "node n9 does not take part (spec.nodes, or there is no such node)"),
        ("n2", WELL, ("n2",), "the speaker of node n2 is not heard"),
        ("n2", [says("n2", "Initialize", faults=("LinkDown",))], (), "node n2: LinkDown"),
        ("n2", [says("n2", "Backup", ailments=("NginxCheck",))], (), "node n2: NginxCheck"),
        (
            "n2",
            [says("n2", "Backup", damped_until=at(0))],
            (),
            "node n2: its health flaps, damped until 2026-01-02T12:00:00Z",
        ),
    ],
)
def test_a_node_that_is_not_fit_is_refused_and_not_tried_again(
    target: str, speakers: list[VRRPSpeaker], silent: tuple[str, ...], why: str
) -> None:
    move = judged(target, *speakers, silent=silent)
    assert move == Move(target, MovePhase.REFUSED, why)
    assert not move.is_in_force
    later = judged(target, *WELL, before=MovePhase.REFUSED, node=target)
    assert (later.phase, later.reason) == (MovePhase.REFUSED, "of before")
    assert judged("n3", *WELL, before=MovePhase.REFUSED).phase is MovePhase.ACCEPTED, "another node is another wish"


def test_a_node_that_fails_on_its_way_ends_the_move() -> None:
    ill = [says("n1", "Active"), says("n2", "Backup", ailments=("NginxCheck",))]
    assert judged("n2", *ill, before=MovePhase.ACCEPTED) == Move("n2", MovePhase.ENDED, "node n2: NginxCheck")


def test_a_move_holds_until_another_node_has_the_addresses() -> None:
    nobody = [says("n1", "Backup"), says("n2", "Initialize")]
    assert judged("n2", *nobody, before=MovePhase.DONE).phase is MovePhase.DONE
    assert judged("n2", before=MovePhase.DONE, silent=("n2",)).phase is MovePhase.DONE
    taken = judged("n2", *WELL, before=MovePhase.DONE)
    assert taken == Move("n2", MovePhase.ENDED, "n1 took over; node n2 gave the addresses up")
    dead = judged("n2", says("n1", "Active"), says("n2", "Active"), before=MovePhase.DONE, silent=("n2",))
    assert dead == Move("n2", MovePhase.ENDED, "n1 took over; the speaker of node n2 is not heard")
    assert judged("n2", *MOVED, before=MovePhase.ENDED).phase is MovePhase.ENDED


def test_what_another_version_wrote_is_a_new_wish() -> None:
    was = MoveStatus(node="n2", phase="Teleported", since=at(0))
    assert judge_move("n2", was, NODES, WELL, (), "web", UID).phase is MovePhase.ACCEPTED
