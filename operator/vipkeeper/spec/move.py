"""A planned move: `vipkeeper.dev/move-to: NODE` on a VirtualIP, and what becomes of it. Pure.

The node is *accepted* when it takes part and is well; from then on it has the highest priority, and preempts whatever
`vrrp.preempt` says. The move is *done* when the node is Active, and then holds: until the annotation goes, or until
another node is Active because this one failed (or its speaker stopped). Then the move has *ended*: the address does
not come back by itself because of a wish of yesterday. A move that is refused or has ended is not tried again; another
value of the annotation, or the same one after the annotation was away, is another move.

What is remembered between two looks is `status.move`, which anybody may read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from vipkeeper.spec.model import to_rfc3339_seconds
from vipkeeper.spec.speaker import VirtualRouterReport, VRRPSpeaker
from vipkeeper.spec.virtualip import MoveStatus


class MovePhase(StrEnum):
    ACCEPTED = "Accepted"
    """The node is to take the addresses."""
    DONE = "Done"
    """It has them, and keeps them."""
    REFUSED = "Refused"
    """It can't take them."""
    ENDED = "Ended"
    """It had them, or was to, and can't any more."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is so about a move now; dates are added by whoever writes it."""

    node: str
    phase: MovePhase
    reason: str = ""
    """For people; empty when there is nothing to explain."""

    @property
    def is_in_force(self) -> bool:
        return self.phase in (MovePhase.ACCEPTED, MovePhase.DONE)


def judge_move(
    target: str,
    before: MoveStatus | None,
    taking_part: Collection[str],
    speakers: Iterable[VRRPSpeaker],
    silent: Collection[str],
    name: str,
    uid: str,
) -> Move:
    """`target`: the annotation. `speakers`: those of the placement; `silent`: nodes whose speaker is
    not heard. `name`, `uid`: of the VirtualIP."""
    phase = _phase(target, before)
    if phase in (MovePhase.REFUSED, MovePhase.ENDED):
        assert before is not None
        return Move(target, phase, before.reason)
    over = MovePhase.REFUSED if phase is None else MovePhase.ENDED
    if target not in taking_part:
        return Move(target, over, f"node {target} does not take part (spec.nodes, or there is no such node)")
    by_node = {
        item.node_name: [report for report in item.status.virtual_routers if (report.name, report.uid) == (name, uid)]
        for item in speakers
    }
    reports = by_node.get(target, [])
    others = [node for node, found in by_node.items() if node != target and node not in silent and _is_active(found)]
    if target not in silent and reports and all(report.state == "Active" for report in reports):
        return Move(target, MovePhase.DONE)
    if phase is MovePhase.DONE:
        if others:
            return Move(
                target, over, f"{', '.join(sorted(others))} took over; {_what_is_wrong(target, reports, silent)}"
            )
        return Move(target, MovePhase.DONE)
    if target in silent or any(report.faults or report.ailments or report.damped_until for report in reports):
        return Move(target, over, _what_is_wrong(target, reports, silent))
    return Move(target, MovePhase.ACCEPTED)


def _phase(target: str, before: MoveStatus | None) -> MovePhase | None:
    """None: this wish is new."""
    if before is None or before.node != target or before.phase not in set(MovePhase):
        return None
    return MovePhase(before.phase)


def _is_active(reports: Iterable[VirtualRouterReport]) -> bool:
    return any(report.state == "Active" for report in reports)


def _what_is_wrong(target: str, reports: Iterable[VirtualRouterReport], silent: Collection[str]) -> str:
    if target in silent:
        return f"the speaker of node {target} is not heard"
    wrong = dict.fromkeys(text for report in reports for text in (*report.faults, *report.ailments))
    if not wrong and (damped := [report.damped_until for report in reports if report.damped_until]):
        return f"node {target}: its health flaps, damped until {to_rfc3339_seconds(max(damped))}"
    return f"node {target}: {', '.join(wrong)}" if wrong else f"node {target} gave the addresses up"
