"""What is odd about a good advert is remarked on, never acted on. What version 2 refuses: test_packet_v2.py."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from vipkeeper.vrrp.advert import Advert, ChecksumForm, Family, IPAddress, Remark
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.packet import decode, encode

VIP, VIP2 = IPv4Address("192.0.2.10"), IPv4Address("192.0.2.11")
VIP6, GLOBAL6 = IPv6Address("fe80::100"), IPv6Address("2001:db8::10")
OURS = VirtualRouterConfig(51, Family.IPV4, 100, (VIP, VIP2), 25)
OURS6 = VirtualRouterConfig(51, Family.IPV6, 100, (GLOBAL6,), 25)


def remarks(ours: VirtualRouterConfig, theirs: VirtualRouterConfig, priority: int = 200) -> frozenset[Remark]:
    """What a router configured as `ours` remarks on the advert of one configured as `theirs`."""
    source: IPAddress = IPv4Address("192.0.2.1") if ours.family is Family.IPV4 else IPv6Address("fe80::1")
    message = encode(
        vrid=51,
        priority=priority,
        interval_cs=theirs.advertisement_interval_cs,
        addresses=theirs.addresses,
        source=source,
        checksum_form=theirs.checksum,
    )
    advert = decode(
        message,
        family=ours.family,
        source=source,
        destination=ours.family.group,
        ttl=255,
        vrids={51},
        expected={51: ours.expected()},
    )
    assert isinstance(advert, Advert)
    assert advert.interval_cs == theirs.advertisement_interval_cs
    return advert.remarks


def test_there_is_nothing_to_remark_on_a_peer_configured_alike() -> None:
    assert remarks(OURS, OURS) == frozenset()


@pytest.mark.rule(37)
def test_another_interval_is_remarked_on_and_learned() -> None:
    assert remarks(OURS, replace(OURS, advertisement_interval_cs=100)) == {Remark.OTHER_INTERVAL}


@pytest.mark.rule(20, 39)
@pytest.mark.hostile(32)
@pytest.mark.parametrize("addresses", [(VIP2, VIP), (VIP,), (VIP, VIP2, VIP2), (VIP, IPv4Address("192.0.2.12"))])
def test_another_list_or_order_is_remarked_on(addresses: tuple[IPv4Address, ...]) -> None:
    assert remarks(OURS, replace(OURS, addresses=addresses)) == {Remark.OTHER_ADDRESSES}


@pytest.mark.rule(15)
def test_the_form_of_checksum_that_is_not_ours_is_remarked_on() -> None:
    message_only = replace(OURS, checksum=ChecksumForm.MESSAGE_ONLY)
    assert remarks(OURS, message_only) == {Remark.OTHER_CHECKSUM}
    assert remarks(message_only, OURS) == {Remark.OTHER_CHECKSUM}
    assert remarks(message_only, message_only) == frozenset()


@pytest.mark.rule(15)
def test_ipv6_has_one_form_of_checksum_whatever_is_configured() -> None:
    message_only = replace(OURS6, addresses=(VIP6, GLOBAL6), checksum=ChecksumForm.MESSAGE_ONLY)
    assert remarks(message_only, message_only) == frozenset()


@pytest.mark.rule(18, 34)
@pytest.mark.hostile(31)
def test_a_global_address_in_the_first_place_is_remarked_on() -> None:
    assert remarks(OURS6, OURS6) == {Remark.NOT_LINK_LOCAL_FIRST}
    with_link_local = replace(OURS6, addresses=(VIP6, GLOBAL6))
    assert remarks(with_link_local, with_link_local) == frozenset()


@pytest.mark.rule(18)
def test_a_link_local_address_that_is_configured_last_is_no_difference() -> None:
    """It is sent first; both sides do that."""
    with_link_local = replace(OURS6, addresses=(GLOBAL6, VIP6))
    assert remarks(with_link_local, with_link_local) == frozenset()


@pytest.mark.rule(99)
@pytest.mark.hostile(19)
def test_an_owner_that_is_not_us_is_remarked_on() -> None:
    assert remarks(OURS, OURS, priority=255) == {Remark.FOREIGN_OWNER}


@pytest.mark.rule(99)
@pytest.mark.hostile(28)
def test_our_own_priority_is_remarked_on() -> None:
    assert remarks(OURS, OURS, priority=100) == {Remark.EQUAL_PRIORITY}


def test_several_remarks_stand_side_by_side() -> None:
    theirs = replace(OURS, addresses=(VIP,), advertisement_interval_cs=1)
    assert remarks(OURS, theirs, priority=100) == {
        Remark.OTHER_INTERVAL,
        Remark.OTHER_ADDRESSES,
        Remark.EQUAL_PRIORITY,
    }
