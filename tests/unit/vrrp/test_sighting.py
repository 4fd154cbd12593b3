"""What a refused advert said."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from vipkeeper.vrrp.advert import Family, Version
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.packet import encode
from vipkeeper.vrrp.sighting import Sighting, sighting_of, with_sighting

ONE, SOURCE = ip_address("192.0.2.200"), ip_address("192.0.2.77")


def advert(version: Version = Version.V3, interval_cs: int = 100) -> bytes:
    return encode(vrid=51, priority=90, interval_cs=interval_cs, addresses=(ONE,), source=SOURCE, version=version)


def test_both_versions_are_read() -> None:
    assert sighting_of(advert(interval_cs=25), Family.IPV4) == Sighting(3, 90, 25, (ONE,))
    assert sighting_of(advert(Version.V2, 200), Family.IPV4) == Sighting(2, 90, 200, (ONE,))


def test_ipv6_and_what_an_authentication_adds() -> None:
    six = ip_address("2001:db8::10")
    message = encode(vrid=51, priority=90, interval_cs=25, addresses=(six,), source=ip_address("fe80::1"))
    assert sighting_of(message + bytes(28), Family.IPV6) == Sighting(3, 90, 25, (six,))


@pytest.mark.parametrize(
    "message",
    [b"", advert()[:7], b"\x41" + advert()[1:], b"\x32" + advert()[1:], advert() + b"\0", advert()[:-1]],
    ids=["empty", "cut off", "version 4", "another type", "too long", "an address too few"],
)
def test_what_has_not_the_form_of_an_advert_says_nothing(message: bytes) -> None:
    assert sighting_of(message, Family.IPV4) is None


def test_only_refusals_that_tell_of_another_router_have_one() -> None:
    other = with_sighting(Dropped(DropReason.WRONG_VERSION), advert(Version.V2), Family.IPV4)
    assert other.said is not None
    assert other == Dropped(DropReason.WRONG_VERSION), "it stays the refusal that it is"
    for junk in (DropReason.WRONG_CHECKSUM, DropReason.OWN_SOURCE, DropReason.WRONG_TTL, DropReason.REPLAYED):
        assert with_sighting(Dropped(junk), advert(), Family.IPV4).said is None


def test_many_addresses_make_no_long_sentence() -> None:
    many = tuple(ip_address(0xC0000200 + number) for number in range(255))
    assert str(Sighting(3, 90, 25, (ONE,))) == "version 3, priority 90, 192.0.2.200"
    assert str(Sighting(3, 90, 25, many)).endswith("192.0.2.3 and 251 more")
