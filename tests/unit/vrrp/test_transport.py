"""Which delivery and which sender a transport takes, IPv4 and IPv6."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest

from vipkeeper.vrrp.advert import Family, IPAddress, Remark
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.transport import MULTICAST, Multicast, Transport, Unicast, refuse_source

OWN = {Family.IPV4: ip_address("192.0.2.1"), Family.IPV6: ip_address("2001:db8::1")}
PEER = {Family.IPV4: ip_address("192.0.2.2"), Family.IPV6: ip_address("2001:db8::2")}
UNICAST = Unicast(frozenset(PEER.values()))
FAMILIES = pytest.mark.parametrize("family", list(Family))


def delivered(transport: Transport, family: Family, destination: IPAddress, ttl: int | None = 255) -> DropReason | None:
    dropped = transport.refuse_delivery(family, destination, ttl, {OWN[family]})
    return None if dropped is None else dropped.reason


@pytest.mark.hostile(29)
@FAMILIES
def test_multicast_takes_the_group_only(family: Family) -> None:
    assert delivered(MULTICAST, family, family.group) is None
    assert delivered(MULTICAST, family, OWN[family]) is DropReason.WRONG_DESTINATION


@pytest.mark.hostile(29)
@FAMILIES
def test_unicast_takes_its_own_address_only(family: Family) -> None:
    assert delivered(UNICAST, family, OWN[family]) is None
    assert delivered(UNICAST, family, family.group) is DropReason.WRONG_DESTINATION
    assert delivered(UNICAST, family, PEER[family]) is DropReason.WRONG_DESTINATION


@pytest.mark.hostile(16)
@FAMILIES
@pytest.mark.parametrize("ttl", [254, 1, 0, None])
def test_both_demand_the_ttl_of_a_neighbour(family: Family, ttl: int | None) -> None:
    assert delivered(MULTICAST, family, family.group, ttl) is DropReason.WRONG_TTL
    assert delivered(UNICAST, family, OWN[family], ttl) is DropReason.WRONG_TTL


def test_peers_behind_routers_may_have_a_lower_ttl_as_far_as_it_is_configured() -> None:
    far = Unicast(frozenset(PEER.values()), min_ttl=253)
    told = [delivered(far, Family.IPV4, OWN[Family.IPV4], ttl) for ttl in (255, 253, 252, None)]
    assert told == [None, None, DropReason.WRONG_TTL, DropReason.WRONG_TTL]


@FAMILIES
def test_unicast_takes_configured_peers_only(family: Family) -> None:
    assert UNICAST.refuse_sender(family, PEER[family]) is None
    stranger = PEER[family] + 1
    assert UNICAST.refuse_sender(family, stranger) == Dropped(DropReason.UNKNOWN_PEER, f"{stranger}")


def test_multicast_takes_any_neighbour() -> None:
    assert MULTICAST.refuse_sender(Family.IPV4, IPv4Address("198.51.100.7")) is None
    assert MULTICAST.refuse_sender(Family.IPV6, ip_address("fe80::7")) is None


@pytest.mark.hostile(27)
@FAMILIES
@pytest.mark.parametrize("transport", [Multicast(), UNICAST])
def test_our_own_packet_is_refused_first_and_remarked_on(transport: Transport, family: Family) -> None:
    dropped = refuse_source(transport, family, OWN[family], {OWN[family]})
    assert dropped is not None
    assert (dropped.reason, dropped.remark) == (DropReason.OWN_SOURCE, Remark.REFLECTED)


@pytest.mark.parametrize(
    ("min_ttl", "said"), [(0, "min_ttl 0 is not in 1..255"), (256, "min_ttl 256 is not in 1..255")]
)
def test_unicast_that_can_not_work_is_refused(min_ttl: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Unicast(frozenset(PEER.values()), min_ttl)


@FAMILIES
def test_alone_it_takes_nobody(family: Family) -> None:
    assert Unicast(frozenset()).refuse_sender(family, PEER[family]) is not None
