"""VRRPSpeaker: what one node's agent reports for one placement. Written by that agent only, read by the controller.

The types mirror `ipc.messages` (RouterStatus, Refused) with two differences: an age becomes a date, because readers
have no common start, and empty texts become absent members, because kubectl shows those as blanks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from vipkeeper.ipc.messages import Refused, RouterStatus, Segments
from vipkeeper.spec.model import Moment, Reported, Written
from vipkeeper.spec.names import API_VERSION, SPEAKER_KIND, speaker_labels, speaker_name

Name = Annotated[str, Field(min_length=1, max_length=253)]


class VRRPSpeakerSpec(Written):
    """Which speaker this is."""

    node_name: Name
    """Node on which the speaker runs."""
    placement: Annotated[str, Field(min_length=1, max_length=63)]
    """Placement that the speaker serves: "default", or "p-" and eight hex digits."""


class RejectedAdverts(Reported):
    """Adverts that were dropped for one cause from one source."""

    cause: str
    """Name of the rule that the packet broke, e.g. WrongChecksum."""
    source: str
    """Source address of the packets."""
    count: int
    """Number of packets since the virtual router was started here. Brought up to date at most once a minute."""


class OddAdverts(Reported):
    """Adverts that were taken, and are odd all the same."""

    remark: str
    """What is odd, e.g. OtherInterval, OtherAddresses, EqualPriority, ForeignOwner."""
    source: str
    """Source address of the adverts."""


class NetworkFinding(Reported):
    """What this node has found on the network, as long as it is true."""

    kind: str
    """What it is. MulticastBlocked: the Active answers by unicast, but its advertisements do not arrive here.
    AddressConflict: somebody else answers for an address. VRIDConflict: another virtual router has the same VRID."""
    source: str
    """Who it is about: the name of a node, else an address."""
    detail: str
    """What it means, in a sentence."""
    since: Moment
    """Since when."""


class VirtualRouterReport(Reported):
    """One virtual router as it runs on this node."""

    name: str
    """Name of the VirtualIP."""
    family: str | None = None
    """IPv4 or IPv6, where each family has an election of its own (`vrrp.families: Separate`); absent: one for all."""
    uid: str
    """UID of the VirtualIP."""
    generation: int
    """metadata.generation of the VirtualIP that the engine runs."""
    vrid: int
    """Virtual router identifier."""
    state: str
    """Initialize, Backup or Active (RFC 9568 section 6.3)."""
    since: Moment
    """When it came into this state."""
    priority: int
    """Priority in force: the effective one, or 1 while this node is unhealthy."""
    reason: str = ""
    """Why it came into this state, e.g. NoResponse, PriorityZero, HigherPriority."""
    takeover_ms: float | None = None
    """On an Active that took over: milliseconds from the last advert heard of the Active before to the first of its own."""
    interface: str | None = None
    """Network interface on which it runs; absent while none is found."""
    segment: str | None = None
    """On-link prefix of the election's address family, e.g. 192.0.2.0/24; absent when unknown."""
    faults: tuple[str, ...] = ()
    """Why it stays in Initialize; empty when nothing is wrong."""
    ailments: tuple[str, ...] = ()
    """Why it yields: what is wrong with what this node serves, or that it is to be emptied (Draining, Cordoned); empty when
    healthy."""
    damped_until: Moment | None = None
    """Until when this node, which is healthy, waits behind all others that are: its health has been flapping. Absent
    otherwise."""
    active_address: str | None = None
    """Address of the Active that it hears (its own, when it is Active); absent when none."""
    primary_address: str | None = None
    """This node's own address from which it advertises (RFC 9568: the primary address); absent while there is none."""
    rejected: tuple[RejectedAdverts, ...] = ()
    """Adverts that were dropped, the most frequent first, 16 entries at most."""
    remarks: tuple[OddAdverts, ...] = ()
    """What is odd about adverts that were taken since the configuration changed last, 16 entries at most: mistakes in
    the configuration of a neighbour, as a rule, or in ours. Brought up to date at most once a minute."""
    findings: tuple[NetworkFinding, ...] = ()
    """What this node has found on the network that an administrator should know of."""
    addresses_put_back: int = 0
    """How often somebody else on this node removed one of the addresses, and the engine put it back, since it was
    started. Not 0: something else manages the interface's addresses. Brought up to date at most once a minute."""


class RefusedDocument(Reported):
    """A configuration that the engine of this node can't run; the last good one stays in force."""

    document: str
    """Name of the VirtualIP."""
    generation: int
    """Generation of the VirtualIP that was refused."""
    problems: tuple[str, ...]
    """Every problem, each with its path."""


class NginxDocument(Reported):
    """One VirtualIP in the configuration that nginx runs."""

    name: str
    """Name of the VirtualIP."""
    generation: int
    """Its generation in the running configuration."""


class NginxRefusal(Reported):
    """A VirtualIP whose present form nginx refuses; the one that ran before keeps serving, where there was one."""

    document: str
    """Name of the VirtualIP."""
    generation: int
    """Its generation that is refused."""
    field: str
    """Where it comes from, e.g. spec.nginx.http[0].snippet."""
    message: str
    """What nginx said."""


class NginxReport(Reported):
    """nginx of this node."""

    generation: str = ""
    """Generation of the configuration that nginx runs, as its status endpoint tells it."""
    ok: bool = False
    """All of the last wanted configuration passed its test and runs."""
    message: str | None = None
    """Why nothing of it runs, as far as no single VirtualIP is the cause (see `refused`); absent when all is well."""
    documents: tuple[NginxDocument, ...] = ()
    """VirtualIPs with an nginx section that the running configuration was made from."""
    refused: tuple[NginxRefusal, ...] = ()
    """VirtualIPs that run in a former form, or not at all."""

    def refusal_of(self, name: str) -> NginxRefusal | None:
        return next((item for item in self.refused if item.document == name), None)


class SegmentReport(Reported):
    """What this node hears of others on one segment."""

    interface: str
    """Network interface of this node."""
    segment: str
    """On-link prefix, e.g. 192.0.2.0/24."""
    foreign_vrids: Annotated[tuple[int, ...], Field(alias="foreignVRIDs")] = ()
    """VRIDs that others use there: whatever was heard in the last two minutes and does not run in this speaker. The
    operator allocates none of them. Brought up to date at most twice a minute."""


class VRRPSpeakerStatus(Reported):
    """What the speaker runs."""

    engine_version: str = ""
    """Version of the engine."""
    virtual_routers: tuple[VirtualRouterReport, ...] = ()
    """Every virtual router on this node in this placement, by name (and family)."""
    refused: tuple[RefusedDocument, ...] = ()
    """Configurations that could not be run."""
    nginx: NginxReport | None = None
    """nginx of this node; absent where the installation goes without."""
    segments: tuple[SegmentReport, ...] = ()
    """Segments on which VRRP of others is heard: those of the virtual routers here, and of the default routes."""


class VRRPSpeaker(Reported):
    """The object, as far as we read it."""

    node_name: str
    placement: str
    status: VRRPSpeakerStatus = VRRPSpeakerStatus()

    def report_of(self, name: str, family: str | None = None) -> VirtualRouterReport | None:
        """`family`: IPv4 or IPv6 where each has an election of its own."""
        reports = (item for item in self.status.virtual_routers if item.name == name and item.family == family)
        return next(reports, None)

    def refusal_of(self, name: str) -> RefusedDocument | None:
        return next((item for item in self.status.refused if item.document == name), None)


def parse_speaker(value: dict[str, Any]) -> VRRPSpeaker:
    """From the API object. Raises pydantic.ValidationError; a status that was never written is an empty one."""
    spec = VRRPSpeakerSpec.model_validate(value.get("spec"))
    status = VRRPSpeakerStatus.model_validate(value.get("status") or {})
    return VRRPSpeaker(node_name=spec.node_name, placement=spec.placement, status=status)


def speaker_object(node: str, placement: str, namespace: str) -> dict[str, Any]:
    """The object to create, without its status."""
    return {
        "apiVersion": API_VERSION,
        "kind": SPEAKER_KIND,
        "metadata": {
            "name": speaker_name(placement, node),
            "namespace": namespace,
            "labels": speaker_labels(placement),
        },
        "spec": VRRPSpeakerSpec(node_name=node, placement=placement).to_json(),
    }


def report_from_router(status: RouterStatus, received_at: datetime) -> VirtualRouterReport:
    """What the agent writes for a RouterStatus that came at `received_at` (aware; the calendar clock)."""
    return VirtualRouterReport(
        name=status.name,
        family=status.family or None,
        uid=status.uid,
        generation=status.generation,
        vrid=status.vrid,
        state=status.state,
        since=received_at - timedelta(milliseconds=status.since_ms),
        priority=status.priority,
        reason=status.reason,
        takeover_ms=status.takeover_ms,
        interface=status.interface or None,
        segment=status.segment or None,
        faults=status.faults,
        ailments=status.ailments,
        active_address=status.active_address or None,
        primary_address=status.primary_address or None,
        rejected=tuple(
            RejectedAdverts(cause=item.cause, source=item.source, count=item.count) for item in status.rejected
        ),
        remarks=tuple(OddAdverts(remark=item.remark, source=item.source) for item in status.remarks),
        findings=tuple(
            NetworkFinding(
                kind=item.kind,
                source=item.source,
                detail=item.detail,
                since=received_at - timedelta(milliseconds=item.since_ms),
            )
            for item in status.findings
        ),
        addresses_put_back=status.put_back,
        damped_until=received_at + timedelta(milliseconds=status.damped_ms) if status.damped_ms else None,
    )


def refusal_from_engine(refused: Refused) -> RefusedDocument:
    return RefusedDocument(document=refused.name, generation=refused.generation, problems=refused.problems)


def segments_from_engine(heard: Segments) -> tuple[SegmentReport, ...]:
    return tuple(
        SegmentReport(interface=item.interface, segment=item.segment, foreign_vrids=item.foreign_vrids)
        for item in heard.segments
    )
