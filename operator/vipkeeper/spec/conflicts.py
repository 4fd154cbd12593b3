"""Two objects that want one address, or one VRID on one segment: the older keeps it, the newer is refused.

Older means: created earlier, then the lower UID. VRIDs are compared within an address family (RFC 9568 §5.2.3: a VRID
of IPv4 and one of IPv6 are two virtual routers) and on a segment; as long as one of the two has no reported segment,
two placements that share a node count as one segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

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
    """Segments of its election, as far as speakers have reported them."""


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
    raise NotImplementedError


def running_claim(document: RenderedVirtualIP, created_at: datetime, speakers: Iterable[VRRPSpeaker]) -> Claim:
    """What the last good document of an object takes."""
    raise NotImplementedError


def judge(wanted: Iterable[Claim], running: Mapping[str, Claim]) -> dict[str, Verdict]:
    """A verdict for every claim of `wanted`, by name.

    `running`: claims of the last good documents, by name: also of objects that are refused by the parser.
    """
    raise NotImplementedError


def rivals(claim: Claim, others: Iterable[Claim]) -> tuple[Claim, ...]:
    """Those of `others` that share a segment (or, until reported, a node) and the family with `claim`: whose VRIDs it must avoid."""
    raise NotImplementedError
