"""Two objects that want one address, or one VRID on one segment: one keeps it, the other is refused.

Who runs it keeps it: an edit of another object, however old that is, never takes an address that answers off the
network. Where nobody runs it yet the older one gets it: created earlier, then the lower UID. VRIDs are compared within an address family (RFC 9568 §5.2.3: a VRID
of IPv4 and one of IPv6 are two virtual routers) and on a segment; as long as one of the two has no reported segment,
two placements that share a node count as one segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.parse import ParsedVirtualIP
from vipkeeper.spec.speaker import VRRPSpeaker


@dataclass(frozen=True, slots=True)
class Claim:
    """What one object takes for itself."""

    name: str
    uid: str
    created_at: datetime
    addresses: tuple[IPAddress, ...]
    vrid: int | None
    """None: not allocated yet."""
    nodes: frozenset[str]
    """Nodes that take part."""
    segments: frozenset[str]
    """Segments of its elections, as far as speakers have reported them."""
    elections: tuple[int, ...]
    """IP versions in which it elects, and so takes its VRID: that of the first address, or both (families: Separate)."""

    def on(self, version: int) -> frozenset[str]:
        """Segments of that family."""
        return frozenset(segment for segment in self.segments if (":" in segment) == (version == 6))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one object."""

    problems: tuple[str, ...] = ()
    """Empty: accepted. Else it is refused, each as `path: reason`."""
    keeps_running: bool = True
    """Refused: its last good document may stay, because that one is in nobody's way. False: withdraw it."""

    @property
    def accepted(self) -> bool:
        return not self.problems


def claim_of(parsed: ParsedVirtualIP, nodes: Iterable[str], speakers: Iterable[VRRPSpeaker]) -> Claim:
    """What `parsed` wants: its own VRID, else the pinned one, else None."""
    addresses = tuple(item.address for item in parsed.addresses)
    return Claim(
        name=parsed.name,
        uid=parsed.uid,
        created_at=parsed.created_at,
        addresses=addresses,
        vrid=parsed.pinned_vrid if parsed.vrid is None else parsed.vrid,
        nodes=frozenset(nodes),
        segments=segments_of(parsed.name, _first_of_each(addresses, parsed.elections), speakers),
        elections=parsed.elections,
    )


def running_claim(document: RenderedVirtualIP, created_at: datetime, speakers: Iterable[VRRPSpeaker]) -> Claim:
    """What the last good document of an object takes."""
    addresses = tuple(item.address for item in document.addresses)
    return Claim(
        name=document.name,
        uid=document.uid,
        created_at=created_at,
        addresses=addresses,
        vrid=document.vrid,
        nodes=frozenset(document.nodes),
        segments=segments_of(document.name, _first_of_each(addresses, document.elections), speakers),
        elections=document.elections,
    )


def segments_of(name: str, addresses: Iterable[IPAddress], speakers: Iterable[VRRPSpeaker]) -> frozenset[str]:
    """Segments that speakers report for `name`; before they do, those reported for anybody in which `addresses` lie."""
    reports = [report for speaker in speakers for report in speaker.status.virtual_routers if report.segment]
    own = frozenset(str(report.segment) for report in reports if report.name == name)
    return own or frozenset(
        str(report.segment) for report in reports if any(holds(str(report.segment), address) for address in addresses)
    )


def _first_of_each(addresses: tuple[IPAddress, ...], elections: tuple[int, ...]) -> tuple[IPAddress, ...]:
    return tuple(next(item for item in addresses if item.version == version) for version in elections)


def judge(wanted: Iterable[Claim], running: Mapping[str, Claim]) -> dict[str, Verdict]:
    """A verdict for every claim of `wanted`, by name.

    `running`: claims of the last good documents, by name: also of objects that are refused by the parser. Those
    defend what they run, as everybody does.
    """
    by_name = {claim.name: claim for claim in wanted}
    candidates = {**running, **by_name}
    verdicts: dict[str, Verdict] = {}
    taken = _Taken()
    for claim in sorted(candidates.values(), key=lambda claim: (not _holds_already(claim, running), *_age(claim))):
        problems = tuple(taken.conflicts(claim))
        if not problems:
            taken.add(claim)
            verdicts[claim.name] = Verdict()
            continue
        last_good = running.get(claim.name)
        keeps = claim.name in by_name and last_good is not None and not any(taken.conflicts(last_good))
        if keeps and last_good is not None:
            taken.add(last_good)
        verdicts[claim.name] = Verdict(problems, keeps_running=keeps)
    return verdicts


class _Taken:
    """What is given away already, found without looking at everybody."""

    def __init__(self) -> None:
        self._by_address: dict[IPAddress, Claim] = {}
        self._by_vrid: dict[tuple[int, int | None], list[Claim]] = {}

    def add(self, claim: Claim) -> None:
        self._by_address.update(dict.fromkeys(claim.addresses, claim))
        for version in claim.elections:
            self._by_vrid.setdefault((version, claim.vrid), []).append(claim)

    def conflicts(self, claim: Claim) -> Iterator[str]:
        for index, address in enumerate(claim.addresses):
            if owner := self._by_address.get(address):
                yield f"spec.addresses[{index}]: {address} belongs to VirtualIP {owner.name}, {_title(owner, claim)}"
        if claim.vrid is None:
            return
        others = [item for version in claim.elections for item in self._by_vrid.get((version, claim.vrid), [])]
        for other in dict.fromkeys(others):
            if _meet(claim, other):
                yield (
                    f"spec.vrid: {claim.vrid} belongs to VirtualIP {other.name}, {_title(other, claim)}, on the same segment"
                    f" ({_shared(claim, other)}); choose another, or leave it out to have one allocated"
                )


def rivals(claim: Claim, others: Iterable[Claim]) -> tuple[Claim, ...]:
    """Those of `others` that share a segment (or, until reported, a node) and the family: whose VRIDs it must avoid."""
    return tuple(other for other in others if other.name != claim.name and _meet(claim, other))


def _age(claim: Claim) -> tuple[datetime, str]:
    return claim.created_at, claim.uid


def _title(owner: Claim, claim: Claim) -> str:
    """By what right `owner` has it."""
    return "which is older" if _age(owner) < _age(claim) else "which holds it already"


def _holds_already(claim: Claim, running: Mapping[str, Claim]) -> bool:
    """Whether the object runs all that it wants."""
    last_good = running.get(claim.name)
    return last_good is not None and claim.vrid == last_good.vrid and set(claim.addresses) <= set(last_good.addresses)


def _meet(one: Claim, other: Claim) -> bool:
    return any(_meet_in(version, one, other) for version in one.elections if version in other.elections)


def _meet_in(version: int, one: Claim, other: Claim) -> bool:
    if one.on(version) and other.on(version):
        return bool(one.on(version) & other.on(version))
    return bool(one.nodes & other.nodes)


def _shared(one: Claim, other: Claim) -> str:
    return ", ".join(sorted(one.segments & other.segments) or sorted(one.nodes & other.nodes))


def holds(segment: str, address: IPAddress) -> bool:
    """Whether `address` lies in the prefix."""
    try:
        return address in ip_network(segment, strict=False)
    except ValueError:  # written by an agent; worth no more than a missing one
        return False
