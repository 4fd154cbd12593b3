"""What a virtual router expects of the adverts that it hears, and what it remarks where they are otherwise.

A difference that the protocol forgives is a `Remark`; one that it does not is a `Dropped` (version 2 only: RFC 3768
§7.1). The defaults expect what any plain router of version 3 sends, and remark on what needs no comparison.

Another address list is never refused. RFC 9568 leaves it at a log; RFC 3768 says "MAY verify", and then a list that is
not the owner's must be dropped. We make use of the "MAY": of two routers that drop each other's adverts both become
Active, and the addresses that they share have two owners. Whoever believes has at most one list too few on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vipkeeper.vrrp.advert import NO_REMARKS, OWNER_PRIORITY, ChecksumForm, IPAddress, Remark, Version
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.transport import MULTICAST, Transport

if TYPE_CHECKING:
    from vipkeeper.vrrp.trailer import Authenticator

TRAILER_BYTES = 28
"""Length of the HMAC trailer (`trailer.py`)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One virtual router's expectations."""

    version: Version = Version.V3
    transport: Transport = MULTICAST
    priority: int | None = None
    """Ours. None: not compared; so are the next three."""
    interval_cs: int | None = None
    addresses: tuple[IPAddress, ...] = ()
    checksum: ChecksumForm | None = None
    """None where there is no choice: version 2, and IPv6."""
    password: SimpleText | None = None
    """Version 2: None is authentication type 0."""
    authenticator: Authenticator | None = None
    """None: a trailer is not expected, and makes an advert too long."""

    def __post_init__(self) -> None:
        if self.version is Version.V2 and self.interval_cs is None:
            raise ValueError("version 2 compares the interval")

    def refuse_interval(self, interval_cs: int) -> Dropped | None:
        """Version 2: it MUST be the configured one."""
        if self.version is Version.V2 and interval_cs != self.interval_cs:
            return Dropped(DropReason.WRONG_INTERVAL, f"{interval_cs} cs")
        return None

    def remarks_on(
        self, priority: int, interval_cs: int, addresses: tuple[IPAddress, ...], form: ChecksumForm
    ) -> frozenset[Remark]:
        remarks = []
        if self.interval_cs is not None and interval_cs != self.interval_cs:
            remarks.append(Remark.OTHER_INTERVAL)
        if self.addresses and addresses != self.addresses:
            remarks.append(Remark.OTHER_ADDRESSES)
        if self.checksum is not None and form is not self.checksum:
            remarks.append(Remark.OTHER_CHECKSUM)
        if addresses[0].version == 6 and not addresses[0].is_link_local:
            remarks.append(Remark.NOT_LINK_LOCAL_FIRST)
        if priority == OWNER_PRIORITY:
            remarks.append(Remark.FOREIGN_OWNER)
        if priority == self.priority:
            remarks.append(Remark.EQUAL_PRIORITY)
        return frozenset(remarks) if remarks else NO_REMARKS
