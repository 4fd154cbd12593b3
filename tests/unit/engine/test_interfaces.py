"""The picture of the interfaces, painted message by message."""

from ipaddress import ip_address

import pytest

from vipkeeper.engine.interfaces import Interfaces
from vipkeeper.engine.netlink_codec import (
    IFA_F_DADFAILED,
    IFA_F_OPTIMISTIC,
    IFA_F_PERMANENT,
    IFA_F_SECONDARY,
    IFA_F_TENTATIVE,
    IFF_RUNNING,
    IFF_UP,
    OUR_PROTO,
    AddressMessage,
    LinkMessage,
)
from vipkeeper.vrrp.packet import Family
from vipkeeper.vrrp.state import Fault

UP = IFF_UP | IFF_RUNNING
VIP, VIP6 = ip_address("192.0.2.100"), ip_address("2001:db8::100")


def link(flags: int = UP, *, index: int = 2, name: str = "eth0", gone: bool = False) -> LinkMessage:
    return LinkMessage(index, name, flags, bytes(6), gone)


def address(
    text: str, *, flags: int = IFA_F_PERMANENT, proto: int = 0, index: int = 2, gone: bool = False
) -> AddressMessage:
    host, _, length = text.partition("/")
    return AddressMessage(index, ip_address(host), int(length), flags, 0, proto, gone)


def picture(*messages: LinkMessage | AddressMessage) -> Interfaces:
    interfaces = Interfaces()
    for message in messages:
        interfaces.take(message)
    return interfaces


def faults(interfaces: Interfaces, family: Family = Family.IPV4) -> frozenset[Fault]:
    return interfaces.faults("eth0", family, {VIP, VIP6})


def test_a_good_interface_has_no_faults() -> None:
    assert faults(picture(link(), address("192.0.2.1/24"))) == frozenset()
    assert faults(picture(link(), address("fe80::1/64")), Family.IPV6) == frozenset()


@pytest.mark.parametrize("flags", [0, IFF_UP, IFF_RUNNING])
def test_down_or_without_carrier_is_a_fault(flags: int) -> None:
    assert faults(picture(link(flags), address("192.0.2.1/24"))) == {Fault.LINK_DOWN}


def test_an_interface_that_is_not_there_or_has_gone_is_missing() -> None:
    assert faults(picture()) == {Fault.INTERFACE_MISSING}
    assert faults(picture(link(), address("192.0.2.1/24"), link(gone=True))) == {Fault.INTERFACE_MISSING}
    assert faults(picture(link(name="eth1"), address("192.0.2.1/24"))) == {Fault.INTERFACE_MISSING}


def test_an_address_of_an_unknown_interface_is_no_error() -> None:
    assert faults(picture(address("192.0.2.1/24"))) == {Fault.INTERFACE_MISSING}


@pytest.mark.parametrize(
    "useless",
    [
        address("192.0.2.100/32"),
        address("192.0.2.7/32", proto=OUR_PROTO),
        address("192.0.2.2/24", flags=IFA_F_SECONDARY),
        address("fe80::1/64"),
    ],
    ids=["a virtual address", "another speaker's", "secondary", "of the other family"],
)
def test_what_is_no_source_of_adverts(useless: AddressMessage) -> None:
    assert faults(picture(link(), useless)) == {Fault.NO_SOURCE_ADDRESS}
    found = picture(link(), useless, address("192.0.2.1/24")).named("eth0")
    assert found is not None
    assert found.source(Family.IPV4, {VIP}) == ip_address("192.0.2.1")


@pytest.mark.parametrize(
    ("message", "usable"),
    [
        (address("2001:db8::1/64"), False),
        (address("fe80::1/64", flags=IFA_F_TENTATIVE), False),
        (address("fe80::1/64", flags=IFA_F_TENTATIVE | IFA_F_OPTIMISTIC), True),
        (address("fe80::1/64", flags=IFA_F_DADFAILED), False),
        (address("fe80::1/64"), True),
    ],
)
def test_ipv6_adverts_come_from_a_link_local_address_that_is_ours_for_sure(
    message: AddressMessage, usable: bool
) -> None:
    assert (faults(picture(link(), message), Family.IPV6) == frozenset()) is usable


def test_a_source_that_was_removed_is_one_no_more() -> None:
    interfaces = picture(link(), address("192.0.2.1/24"), address("192.0.2.1/24", gone=True))
    assert faults(interfaces) == {Fault.NO_SOURCE_ADDRESS}


@pytest.mark.parametrize(
    ("present", "virtual", "expected"),
    [
        (["192.0.2.1/24"], "192.0.2.100", "192.0.2.0/24"),
        (["10.0.0.1/8", "192.0.2.1/24", "192.0.2.130/25"], "192.0.2.200", "192.0.2.128/25"),
        (["10.0.0.1/8"], "192.0.2.100", "10.0.0.0/8"),
        (["fe80::1/64", "2001:db8::1/64"], "2001:db8::100", "2001:db8::/64"),
        (["fe80::1/64"], "2001:db8::100", "fe80::/64"),
        (["192.0.2.100/32"], "192.0.2.100", ""),
    ],
)
def test_the_segment_is_the_on_link_prefix_of_the_address(present: list[str], virtual: str, expected: str) -> None:
    found = picture(link(), *[address(text) for text in present]).named("eth0")
    assert found is not None
    wanted = ip_address(virtual)
    assert found.segment(Family(wanted.version), (wanted,)) == expected


@pytest.mark.parametrize(
    ("message", "ours"),
    [
        (address("192.0.2.100/32", proto=OUR_PROTO), True),
        (address("192.0.2.100/32", flags=0), True),
        (address("192.0.2.100/32"), False),
        (address("192.0.2.100/24", flags=0), False),
        (address("192.0.2.99/32", flags=0), False),
    ],
    ids=["tagged", "on a lease", "an administrator's", "from DHCP", "another address"],
)
def test_the_sweep_takes_what_a_speaker_left_and_nothing_else(message: AddressMessage, ours: bool) -> None:
    found = picture(link(), message).named("eth0")
    assert found is not None
    assert found.holds_ours(VIP) is ours


def source_towards(destination: str, *addresses: AddressMessage) -> str:
    link_ = picture(link(), *addresses).named("eth0")
    assert link_ is not None
    return str(link_.source_towards(ip_address(destination), {VIP, VIP6}))


def test_unicast_is_sent_from_the_subnet_of_the_peer_else_from_the_first_good_address() -> None:
    two = address("192.0.2.1/24"), address("198.51.100.1/24")
    assert source_towards("198.51.100.9", *two) == "198.51.100.1"
    assert source_towards("203.0.113.9", *two) == "192.0.2.1"
    assert source_towards("192.0.2.9", address("192.0.2.100/24"), two[0]) == "192.0.2.1", "never a virtual one"


def test_unicast_of_ipv6_is_sent_from_an_address_of_the_kind_of_the_peers() -> None:
    local, temporary = address("fe80::1/64"), address("2001:db8::7/64", flags=IFA_F_SECONDARY)
    stable, doubtful = address("2001:db8::1/64"), address("2001:db8::3/64", flags=IFA_F_TENTATIVE)
    assert source_towards("2001:db8::9", local, doubtful, temporary, stable) == "2001:db8::1"
    assert source_towards("fe80::9", stable, local) == "fe80::1"
    assert source_towards("2001:db8::9", local) == "fe80::1", "better than nothing"
