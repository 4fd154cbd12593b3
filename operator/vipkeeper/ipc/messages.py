"""The conversation on the engine's unix socket: one JSON object a line, both ways.

The agent (client) asks; the engine (server) tells. The engine needs nobody to talk to: with the agent gone it goes on
with what it has. The order is: `Welcome` and one `RouterStatus` for each router (engine), then any number of `Apply`,
`Remove`, `Secrets`, `Synced`, `Health` (agent), and a `RouterStatus`, `Gone` or `Refused` (engine) whenever something changed.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vipkeeper.ipc.fields import Fields
from vipkeeper.ipc.rendered import RenderedVirtualIP

MAX_LINE_BYTES = 1 << 20
"""A longer line ends the connection."""


HIGHEST_VRID = 255


class HealthSource(StrEnum):
    """Who says that this node is ill. Each is one member of the router's set of ailments."""

    CONNECTION = "NginxGone"
    """The engine's own open connection to nginx's unix socket broke and reconnecting is refused."""
    CHECK = "NginxCheckFailed"
    """The agent's slow HTTP check on the unix socket, after `fall` failures."""
    READINESS = "NginxNotReady"
    """The kubelet's verdict on the nginx container."""
    SECTION = "NginxDoesNotServe"
    """nginx of this node runs, and serves the VirtualIP's `nginx` section in no form."""
    HTTP_CHECK = "HTTPCheckFailed"
    """A check of the VirtualIP's `health.http`, after `fall` failures."""
    TCP_CHECK = "TCPCheckFailed"
    """A check of the VirtualIP's `health.tcp`, after `fall` failures."""
    PODS = "PodsNotReady"
    """No pod of this node that the VirtualIP's `health.podSelector` selects is ready."""
    REFUSED = "ConnectionRefused"
    """The engine's own: nobody listens where a check of the VirtualIP asks, on this host (its open connection broke)."""
    UNCHECKED = "NotCheckedYet"
    """The engine's own: the router has just started, and its checks have no verdict yet."""


FAILURES = frozenset(source.value for source in HealthSource)
"""Of all ailments those by which a node has failed, or may have. The others are wishes: `NodeShare.leaving`."""


class RemoveReason(StrEnum):
    """Why a document goes."""

    DELETED = "Deleted"
    """The VirtualIP is gone: leave with priority 0 and remove the addresses."""
    MOVED = "Moved"
    """It went to another placement of this node: keep it until that engine adopts it (or 30 s have passed)."""


# ---- agent -> engine


@dataclass(frozen=True, slots=True)
class Apply:
    """Run this document (new or changed)."""

    document: RenderedVirtualIP


@dataclass(frozen=True, slots=True)
class Remove:
    """Stop running the document of that name."""

    name: str
    reason: RemoveReason


@dataclass(frozen=True, slots=True)
class Synced:
    """These are all documents that exist: whatever else the engine runs was deleted while nobody watched."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict. On this node's nginx it counts for every router with an nginx section."""

    source: HealthSource
    healthy: bool
    detail: str = ""
    name: str = ""
    """Of the document whose checks it is about (HTTP_CHECK, TCP_CHECK); "" for nginx's."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """All secrets that the documents refer to, as far as they are known. What is in use and not among them stays."""

    values: Mapping[str, bytes] = field(repr=False)
    """By reference (`RenderedVirtualIP.engine_secrets`). Never in a log, a status or a document."""


# ---- engine -> agent


@dataclass(frozen=True, slots=True)
class Welcome:
    """First line of the engine."""

    version: str
    node: str
    placement: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Adverts dropped for one cause from one source, since the router was started."""

    cause: str
    source: str
    count: int


class FindingKind(StrEnum):
    """What an engine finds on the network that an administrator should know of."""

    ADDRESS_CONFLICT = "AddressConflict"
    """Somebody who is no Active of this virtual router answers for one of its addresses: before a first claim they are
    not claimed; an Active goes on, and corrects its neighbours."""
    MULTICAST_BLOCKED = "MulticastBlocked"
    """The Active lives and answers by unicast, but its adverts do not arrive here."""
    VRID_CONFLICT = "VRIDConflict"
    """Another virtual router on the segment has the VRID of this one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """As long as it is true. It stops nothing by itself."""

    kind: str
    """A FindingKind; an engine that is newer may know more of them."""
    source: str
    """Who it is about: the name of a node, else an address."""
    detail: str
    """For people, a sentence without its end."""
    since_ms: int
    """Milliseconds for which it has been true."""


@dataclass(frozen=True, slots=True)
class Remarked:
    """Something odd about good adverts of one source, in this configuration of the router."""

    remark: str
    """A value of vrrp's Remark, e.g. OtherInterval."""
    source: str


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """The state of one virtual router on this node, sent at each change."""

    name: str
    uid: str
    generation: int
    """Generation of the VirtualIP that the engine runs now."""
    vrid: int
    state: str
    """Initialize, Backup or Active (RFC 9568 §6.3)."""
    since_ms: int
    """Milliseconds in this state (an age, not a date: the engine does not read the calendar clock)."""
    priority: int
    """The priority in force: the effective one, or 1 while unhealthy."""
    reason: str
    """Why it came into this state: a value of vrrp's Reason, e.g. NoResponse, PriorityZero, HigherPriority."""
    takeover_ms: float | None
    """On an Active that took over: from the last advert heard of the Active before until our first one."""
    interface: str
    """"" while none is found."""
    segment: str
    """On-link prefix in the election's family, e.g. 192.0.2.0/24; "" when unknown."""
    faults: tuple[str, ...]
    """Why it stays in Initialize."""
    ailments: tuple[str, ...]
    """Why it yields (HealthSource values)."""
    active_address: str
    """Primary address of the Active that we hear, our own when it is us, "" when none."""
    primary_address: str = ""
    """This node's primary address of the election's family (RFC 9568 §1.6): where its adverts come from. "" while it
    has none; an engine of before says nothing."""
    family: str = ""
    """IPv4 or IPv6, where each family of the document has an election of its own; "" where one is for all."""
    rejected: tuple[Rejected, ...] = ()
    """At most 16 entries, most frequent first. A change of a count alone is sent each 60 s at most."""
    remarks: tuple[Remarked, ...] = ()
    """What is odd about adverts that were taken, at most 16. A new one alone is sent each 60 s at most."""
    findings: tuple[Finding, ...] = ()
    put_back: int = 0
    """How often somebody else removed one of the addresses, and the engine put it back, since it was started."""
    damped_ms: int = 0
    """It is well, but its health has been flapping: for how much longer it waits behind all others that are well."""


@dataclass(frozen=True, slots=True)
class SegmentHeard:
    """What is heard of others on one segment."""

    interface: str
    segment: str
    """On-link prefix, as in RouterStatus."""
    foreign_vrids: tuple[int, ...]
    """VRIDs in use there, but for those that run in this engine."""


@dataclass(frozen=True, slots=True)
class Segments:
    """All segments on which others' VRIDs are heard. Told on change, which is each 30 s at most."""

    segments: tuple[SegmentHeard, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """The router of that name has ended here and its addresses are removed."""

    name: str
    family: str = ""
    """Of the election that has ended, where the document has several; "": all of them."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that the engine can't run; the last good one stays in force."""

    name: str
    generation: int
    problems: tuple[str, ...]


AgentMessage = Apply | Remove | Synced | Health | Secrets
EngineMessage = Welcome | RouterStatus | Segments | Gone | Refused


def encode(message: AgentMessage | EngineMessage) -> bytes:
    """One line, newline included."""
    return json.dumps(to_json(message), separators=(",", ":"), sort_keys=True).encode() + b"\n"


def to_json(message: AgentMessage | EngineMessage) -> dict[str, Any]:
    match message:
        case Apply():
            return {"type": "apply", "document": message.document.to_json()}
        case Remove():
            return {"type": "remove", "name": message.name, "reason": message.reason.value}
        case Synced():
            return {"type": "synced", "names": list(message.names)}
        case Health():
            return {
                "type": "health",
                "source": message.source.value,
                "healthy": message.healthy,
                "detail": message.detail,
                "name": message.name,
            }
        case Secrets():
            return {"type": "secrets", "values": secrets_to_json(message.values)}
        case Welcome():
            return {"type": "welcome", "version": message.version, "node": message.node, "placement": message.placement}
        case RouterStatus():
            return {
                "type": "status",
                "name": message.name,
                "uid": message.uid,
                "generation": message.generation,
                "vrid": message.vrid,
                "state": message.state,
                "sinceMs": message.since_ms,
                "priority": message.priority,
                "reason": message.reason,
                "takeoverMs": message.takeover_ms,
                "interface": message.interface,
                "segment": message.segment,
                "faults": list(message.faults),
                "ailments": list(message.ailments),
                "activeAddress": message.active_address,
                "primaryAddress": message.primary_address,
                "family": message.family,
                "rejected": [{"cause": r.cause, "source": r.source, "count": r.count} for r in message.rejected],
                "remarks": [{"remark": item.remark, "source": item.source} for item in message.remarks],
                "findings": [
                    {"kind": f.kind, "source": f.source, "detail": f.detail, "sinceMs": f.since_ms}
                    for f in message.findings
                ],
                "putBack": message.put_back,
                "dampedMs": message.damped_ms,
            }
        case Segments():
            return {"type": "segments", "segments": [_segment_to_json(item) for item in message.segments]}
        case Gone():
            return {"type": "gone", "name": message.name, "family": message.family}
        case Refused():
            return {
                "type": "refused",
                "name": message.name,
                "generation": message.generation,
                "problems": list(message.problems),
            }


def decode_agent_message(line: bytes) -> AgentMessage:
    """A line from the agent. Raises BadDocument (not JSON, unknown type, members that do not fit)."""
    fields = _fields(line)
    message: AgentMessage
    match fields.text("type"):
        case "apply":
            fields.finish()
            return Apply(RenderedVirtualIP.from_json(json.loads(line).get("document")))
        case "remove":
            reason = fields.text("reason")
            if reason not in [item.value for item in RemoveReason]:
                fields.note("reason", f"{reason!r} is not known")
                reason = RemoveReason.DELETED.value
            message = Remove(fields.text("name"), RemoveReason(reason))
        case "synced":
            message = Synced(fields.texts("names"))
        case "health":
            source = fields.text("source")
            if source not in [item.value for item in HealthSource]:
                fields.note("source", f"{source!r} is not known")
                source = HealthSource.CHECK.value
            healthy, detail = fields.flag("healthy", True), fields.text("detail", "")
            message = Health(HealthSource(source), healthy, detail, fields.text("name", ""))
        case "secrets":
            message = Secrets(secrets_from_json(fields.child("values")))
        case other:
            fields.note("type", f"{other!r} is not known")
            message = Synced(())
    fields.finish()
    return message


def secrets_to_json(values: Mapping[str, bytes]) -> dict[str, str]:
    return {reference: b2a_base64(value, newline=False).decode() for reference, value in values.items()}


def secrets_from_json(fields: Fields) -> dict[str, bytes]:
    """Problems are noted by reference; no value is ever part of one."""
    values = {}
    for reference in fields.names():
        try:
            values[reference] = a2b_base64(fields.text(reference), strict_mode=True)
        except ValueError:
            fields.note(reference, "is not base64")
    return values


def decode_engine_message(line: bytes) -> EngineMessage:
    """A line from the engine. Raises BadDocument."""
    fields = _fields(line)
    message: EngineMessage
    match fields.text("type"):
        case "welcome":
            message = Welcome(fields.text("version"), fields.text("node"), fields.text("placement"))
        case "status":
            message = _status(fields, json.loads(line))
        case "segments":
            message = Segments(tuple(_segment_from_json(item) for item in fields.children("segments")))
        case "gone":
            message = Gone(fields.text("name"), fields.text("family", ""))
        case "refused":
            message = Refused(fields.text("name"), fields.number("generation", 0, 2**63 - 1), fields.texts("problems"))
        case other:
            fields.note("type", f"{other!r} is not known")
            message = Gone("")
    fields.finish()
    return message


def _status(fields: Fields, raw: dict[str, Any]) -> RouterStatus:
    takeover = raw.get("takeoverMs")
    return RouterStatus(
        name=fields.text("name"),
        uid=fields.text("uid"),
        generation=fields.number("generation", 0, 2**63 - 1),
        vrid=fields.number("vrid", 1, 255),
        state=fields.text("state"),
        since_ms=fields.number("sinceMs", 0, 2**63 - 1),
        priority=fields.number("priority", 0, 255),
        reason=fields.text("reason"),
        takeover_ms=float(takeover) if isinstance(takeover, int | float) else None,
        interface=fields.text("interface"),
        segment=fields.text("segment"),
        faults=fields.texts("faults"),
        ailments=fields.texts("ailments"),
        active_address=fields.text("activeAddress"),
        primary_address=fields.text("primaryAddress", ""),
        family=fields.text("family", ""),
        rejected=tuple(
            Rejected(item.text("cause"), item.text("source"), item.number("count", 0, 2**63 - 1))
            for item in fields.children("rejected")
        ),
        remarks=tuple(Remarked(item.text("remark"), item.text("source")) for item in fields.children("remarks")),
        findings=tuple(
            Finding(item.text("kind"), item.text("source"), item.text("detail"), item.number("sinceMs", 0, 2**63 - 1))
            for item in fields.children("findings")
        ),
        put_back=fields.number("putBack", 0, 2**63 - 1, 0),
        damped_ms=fields.number("dampedMs", 0, 2**63 - 1, 0),
    )


def _segment_to_json(heard: SegmentHeard) -> dict[str, Any]:
    return {"interface": heard.interface, "segment": heard.segment, "foreignVRIDs": list(heard.foreign_vrids)}


def _segment_from_json(fields: Fields) -> SegmentHeard:
    return SegmentHeard(
        fields.text("interface"), fields.text("segment"), fields.numbers("foreignVRIDs", 1, HIGHEST_VRID)
    )


def _fields(line: bytes) -> Fields:
    try:
        return Fields(json.loads(line))
    except ValueError as error:
        fields = Fields({})
        fields.note("", f"is not JSON ({error})")
        fields.finish()
        raise
