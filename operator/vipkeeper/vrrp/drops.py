"""Why a packet is not taken for an advert. A refusal is a value with a name: counted, logged once, asserted in a test.

The names are what users read in status and metrics: never renamed lightly. Nothing is learned from a refused packet.

Tested by tests/unit/vrrp/test_packet.py and by the tests of whoever refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from vipkeeper.vrrp.advert import Remark

if TYPE_CHECKING:
    from vipkeeper.vrrp.sighting import Sighting


class DropReason(StrEnum):
    """Counted by this name, per source."""

    BAD_HEADER = "BadHeader"
    """The IPv4 header is cut off, or says lengths that cannot be."""
    FRAGMENT = "Fragment"
    """A piece of a datagram."""
    WRONG_PROTOCOL = "WrongProtocol"
    """Not protocol 112."""
    WRONG_TTL = "WrongTTL"
    """TTL or Hop Limit is less than what is demanded (255, where nothing else is configured), or nobody told it."""
    WRONG_DESTINATION = "WrongDestination"
    """Multicast: not the VRRP group. Unicast: not our own address."""
    WRONG_SOURCE = "WrongSource"
    """No address a router can send from: unspecified, broadcast, multicast, loopback; IPv6: not link-local."""
    OWN_SOURCE = "OwnSource"
    """Our own address: the segment sends our packets back, or somebody else uses it."""
    UNKNOWN_PEER = "UnknownPeer"
    """Unicast: the source is not one of the configured peers."""
    WRONG_LENGTH = "WrongLength"
    """Shorter or longer than the fixed part, `count` addresses and what the version and the trailer add."""
    WRONG_VERSION = "WrongVersion"
    """Not the version that is configured."""
    WRONG_TYPE = "WrongType"
    """Not an ADVERTISEMENT."""
    UNKNOWN_VRID = "UnknownVRID"
    """No virtual router of that VRID is configured on the receiving interface."""
    NO_ADDRESSES = "NoAddresses"
    """Address count 0 (erratum 8299)."""
    WRONG_CHECKSUM = "WrongChecksum"
    ZERO_INTERVAL = "ZeroInterval"
    """Max Advertise Interval 0 (erratum 8301): to learn it would be a storm of takeovers."""
    WRONG_AUTHENTICATION = "WrongAuthentication"
    """Version 2: another authentication type than the configured one, or another password."""
    WRONG_INTERVAL = "WrongInterval"
    """Version 2: not the configured interval."""
    NOT_READ = "NotRead"
    """More arrived than is read: from whom nobody knows, most of it what was refused at the same time."""

    # The HMAC trailer, in the order in which it is checked.
    NO_TRAILER = "NoTrailer"
    """Without the trailer, where one is demanded."""
    MALFORMED_TRAILER = "MalformedTrailer"
    """An unknown type, or reserved bytes that are not zero."""
    STALE_TRAILER = "StaleTrailer"
    """Its time is too far from ours: replayed, or one of the two clocks is wrong."""
    UNKNOWN_KEY = "UnknownKey"
    WRONG_HMAC = "WrongHMAC"
    REPLAYED = "Replayed"
    """Not newer than what its sender has sent before; or there are more senders than we can remember."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A refusal as a value."""

    reason: DropReason
    detail: str = ""
    """For one line of a log. Never a secret."""
    remark: Remark | None = None
    said: Sighting | None = field(default=None, compare=False)
    """What it said, where that tells of another virtual router (`sighting.py`). For people only."""
