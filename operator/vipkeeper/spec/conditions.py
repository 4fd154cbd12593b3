"""The conditions of a VirtualIP, each a function of what is so. `None`: the condition does not apply and is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from vipkeeper.ipc.messages import FindingKind, HealthSource
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.belief import ACTIVE, BACKUP, NodeView
from vipkeeper.spec.model import to_rfc3339_seconds
from vipkeeper.spec.parse import Refusal
from vipkeeper.spec.speaker import NetworkFinding
from vipkeeper.spec.virtualip import Condition, VirtualIPStatus

_NGINX_AILMENTS = {HealthSource.CONNECTION, HealthSource.CHECK, HealthSource.READINESS, HealthSource.SECTION}


class ConditionType(StrEnum):
    ACCEPTED = "Accepted"
    """The spec is good."""
    PROGRAMMED = "Programmed"
    """All nodes with a running speaker run this generation."""
    READY = "Ready"
    """Exactly one node holds the addresses, and all nodes run this generation."""
    SPLIT_BRAIN = "SplitBrain"
    """Several nodes hold the addresses. Absent otherwise."""
    NGINX_READY = "NginxReady"
    """nginx runs on all nodes. Absent without an nginx section."""
    DEGRADED = "Degraded"
    """No healthy node could take over. Absent otherwise."""
    MULTICAST_BLOCKED = "MulticastBlocked"
    """Nodes that are well do not hear each other's advertisements. Absent otherwise."""
    ADDRESS_CONFLICT = "AddressConflict"
    """Somebody else answers for one of the addresses. Absent otherwise."""
    HEALTH_FLAPS = "HealthFlaps"
    """The health of a node comes and goes, so it is held back. Absent otherwise."""
    VRID_CONFLICT = "VRIDConflict"
    """Another virtual router on the segment has the same VRID. Absent otherwise."""


ALARMS = frozenset(
    {
        ConditionType.SPLIT_BRAIN,
        ConditionType.DEGRADED,
        ConditionType.MULTICAST_BLOCKED,
        ConditionType.ADDRESS_CONFLICT,
        ConditionType.HEALTH_FLAPS,
        ConditionType.VRID_CONFLICT,
    }
)
"""Those that are bad when they are True; all others are good."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition without dates."""

    status: bool | None
    """None: Unknown."""
    reason: str
    message: str

    @property
    def status_text(self) -> str:
        return "Unknown" if self.status is None else str(self.status)


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the conditions are made from."""

    generation: int
    refusal: Refusal | None
    document: RenderedVirtualIP | None
    nodes: tuple[NodeView, ...]
    active: NodeView | None
    """Who holds the addresses, as far as we know (it may be silent)."""
    handing_over: bool
    """Nobody does this very moment, but somebody has just given them away."""

    @property
    def live(self) -> tuple[NodeView, ...]:
        return tuple(node for node in self.nodes if node.is_live)

    @property
    def actives(self) -> tuple[NodeView, ...]:
        return tuple(node for node in self.nodes if node.state == ACTIVE)

    @property
    def backups(self) -> tuple[NodeView, ...]:
        return tuple(node for node in self.nodes if node.state == BACKUP and node.is_healthy)

    @property
    def addresses(self) -> str:
        return ", ".join(str(item.address) for item in self.document.addresses) if self.document else ""

    @property
    def observed_generation(self) -> int | None:
        """The one generation that all nodes with a running speaker run; None: several, or none."""
        if self.document is None:
            return None
        generations = {node.running_generation(self.document) for node in self.live}
        return generations.pop() if len(generations) == 1 else None


def findings(situation: Situation) -> dict[ConditionType, Finding]:
    """Every condition that applies, in the order in which they are shown."""
    candidates = {
        ConditionType.ACCEPTED: accepted(situation),
        ConditionType.PROGRAMMED: programmed(situation),
        ConditionType.READY: ready(situation),
        ConditionType.SPLIT_BRAIN: split_brain(situation),
        ConditionType.NGINX_READY: nginx_ready(situation),
        ConditionType.DEGRADED: degraded(situation),
        ConditionType.MULTICAST_BLOCKED: multicast_blocked(situation),
        ConditionType.ADDRESS_CONFLICT: address_conflict(situation),
        ConditionType.HEALTH_FLAPS: health_flaps(situation),
        ConditionType.VRID_CONFLICT: vrid_conflict(situation),
    }
    return {type_: finding for type_, finding in candidates.items() if finding is not None}


def together(elections: Sequence[dict[ConditionType, Finding]]) -> dict[ConditionType, Finding]:
    """Of several elections: what is wrong with one is wrong with the object, and all that is so is told."""
    merged = {}
    for type_ in ConditionType:
        found = [finding[type_] for finding in elections if type_ in finding]
        if found:
            worst = min(found, key=lambda item: (item.status is True, item.status is None))
            told = dict.fromkeys(item.message for item in found if item.status == worst.status)
            merged[type_] = Finding(worst.status, worst.reason, "; ".join(told))
    return merged


def accepted(situation: Situation) -> Finding:
    if situation.refusal is not None:
        return Finding(False, situation.refusal.reason, situation.refusal.message)
    return Finding(True, "Accepted", "the spec is good")


def programmed(situation: Situation) -> Finding:
    document = situation.document
    if situation.refusal is not None:
        running = f"the nodes keep generation {document.generation}" if document else "nothing runs"
        return Finding(False, "NotAccepted", running)
    if document is None:
        return Finding(False, "Pending", "nothing is rendered yet")
    if not document.nodes:
        return Finding(False, "NoNodes", "no node fits spec.nodes")
    if refusing := [node for node in situation.live if node.refusal and node.doubt]:
        return Finding(False, "RefusedByNode", "; ".join(_refusal_text(node) for node in refusing))
    if not situation.live:
        return Finding(False, "NoSpeaker", f"no speaker runs on {_names(situation.nodes)}")
    refused = [node for node in situation.live if node.nginx and node.nginx.refusal_of(document.name)]
    if refused:
        return Finding(False, "RefusedByNginx", "; ".join(_nginx_complaint(node, document.name) for node in refused))
    behind = [node for node in situation.live if node.running_generation(document) != situation.generation]
    if behind:
        return Finding(False, "Pending", f"generation {situation.generation} does not run yet on {_names(behind)}")
    return Finding(True, "Programmed", f"{_names(situation.live)} run generation {situation.generation}")


def ready(situation: Situation) -> Finding:
    if len(situation.actives) > 1:
        return Finding(False, "SplitBrain", f"{_names(situation.actives)} hold {situation.addresses}")
    if situation.active is None:
        return Finding(False, "NoActive", f"no node holds the addresses{_why_nobody(situation)}")
    if situation.handing_over:
        return Finding(None, "HandingOver", f"{situation.active.name} has just given {situation.addresses} away")
    if not situation.active.is_live:
        return Finding(
            None, "ActiveSilent", f"{situation.active.name} held {situation.addresses}; its speaker is silent"
        )
    if programmed(situation).status is not True:
        return Finding(False, "NotProgrammed", f"{situation.active.name} holds {situation.addresses}, see Programmed")
    return Finding(True, "Active", f"{situation.active.name} holds {situation.addresses}")


def _why_nobody(situation: Situation) -> str:
    """What is wrong with each node that is heard; nothing as long as one of them could take the addresses."""
    if not situation.live or any(node.is_healthy for node in situation.live):
        return ""
    return ": " + "; ".join(f"{node.name} {node.health}" for node in situation.live)


def split_brain(situation: Situation) -> Finding | None:
    if len(situation.actives) < 2:
        return None
    return Finding(
        True,
        "SeveralActive",
        f"{_names(situation.actives)} are all Active: they don't hear each other; is protocol 112 blocked between them?",
    )


def nginx_ready(situation: Situation) -> Finding | None:
    if situation.document is None or situation.document.nginx is None:
        return None
    if not situation.live:
        return Finding(None, "NoSpeaker", "no speaker runs")
    name = situation.document.name
    complaints = [text for node in situation.live if (text := _nginx_complaint(node, name))]
    if complaints:
        return Finding(False, "NginxFailed", "; ".join(complaints))
    return Finding(True, "NginxReady", f"nginx serves on {_names(situation.live)}")


def degraded(situation: Situation) -> Finding | None:
    if situation.active is None or situation.backups or situation.handing_over:
        return None
    return Finding(True, "NoHealthyBackup", f"no healthy node could take over from {situation.active.name}")


def multicast_blocked(situation: Situation) -> Finding | None:
    told = _told(situation, FindingKind.MULTICAST_BLOCKED)
    if not told:
        return None
    pairs = "; ".join(
        f"{node} does not hear {item.source} since {to_rfc3339_seconds(item.since)}" for node, item in told
    )
    return Finding(True, "AdvertisementsBlocked", f"{pairs}: is protocol 112 or multicast blocked between them?")


def address_conflict(situation: Situation) -> Finding | None:
    told = _told(situation, FindingKind.ADDRESS_CONFLICT)
    if not told:
        return None
    return Finding(True, "SomebodyAnswers", "; ".join(f"{node}: {item.detail}" for node, item in told))


def vrid_conflict(situation: Situation) -> Finding | None:
    told = _told(situation, FindingKind.VRID_CONFLICT)
    if not told:
        return None
    heard_by: dict[str, list[str]] = {}
    for node, item in told:
        heard_by.setdefault(item.detail, []).append(node)
    message = "; ".join(f"{detail} (heard by {', '.join(nodes)})" for detail, nodes in heard_by.items())
    return Finding(True, "VRIDInUse", f"{message}: choose another VRID, here or there")


def health_flaps(situation: Situation) -> Finding | None:
    damped = [
        f"{node.name} until {to_rfc3339_seconds(node.report.damped_until)}"
        for node in situation.live
        if node.report is not None and node.report.damped_until is not None
    ]
    if not damped:
        return None
    return Finding(
        True, "HeldBack", f"healthy again, but failed too often of late; waits behind others: {', '.join(damped)}"
    )


def _told(situation: Situation, kind: FindingKind) -> list[tuple[str, NetworkFinding]]:
    """By the nodes that are heard, with who tells it."""
    return [
        (node.name, item)
        for node in situation.live
        if node.report is not None
        for item in node.report.findings
        if item.kind == kind
    ]


def with_dates(
    found: dict[ConditionType, Finding], previous: VirtualIPStatus, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """lastTransitionTime moves when `status` changes, and only then."""
    return tuple(_with_date(type_, finding, previous, generation, now) for type_, finding in found.items())


def _with_date(
    type_: ConditionType, finding: Finding, previous: VirtualIPStatus, generation: int, now: datetime
) -> Condition:
    before = previous.condition(type_)
    unchanged = before is not None and before.status == finding.status_text
    return Condition.model_validate(
        {
            "type": type_.value,
            "status": finding.status_text,
            "observed_generation": generation,
            "last_transition_time": before.last_transition_time if before and unchanged else now.replace(microsecond=0),
            "reason": finding.reason,
            "message": finding.message[:32768],
        }
    )


def _nginx_complaint(node: NodeView, virtualip: str) -> str:
    """What is wrong with nginx for this VirtualIP: another one's trouble is none of ours."""
    if node.nginx is None:
        return f"{node.name}: no nginx yet"
    if refusal := node.nginx.refusal_of(virtualip):
        return f"{node.name}: {refusal.field}: {refusal.message}"
    if not node.nginx.ok and not node.nginx.refused:
        return f"{node.name}: {node.nginx.message or 'the wanted configuration does not run'}"
    ailments = [] if node.report is None else [item for item in node.report.ailments if item in _NGINX_AILMENTS]
    if ailments:
        return f"{node.name}: {', '.join(ailments)}"
    return ""


def _refusal_text(node: NodeView) -> str:
    return f"{node.name}: {', '.join(node.refusal.problems)}" if node.refusal else node.name


def _names(nodes: Iterable[NodeView]) -> str:
    return ", ".join(node.name for node in nodes)
