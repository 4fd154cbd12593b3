"""The decoder against arbitrary bytes, and scapy as a second opinion on good ones."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.vrrp import VRRP, VRRPv3

from vipkeeper.vrrp.advert import Advert, ChecksumForm, Family, IPAddress, Version
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.drops import Dropped
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import decode, decode_ipv4, encode
from vipkeeper.vrrp.trailer import Authenticator, HmacMode, KeyRing

SOURCES4 = st.integers(0x0A00_0001, 0x0AFF_FFFE).map(IPv4Address)
SOURCES6 = st.integers(1, 2**64 - 1).map(lambda interface: IPv6Address((0xFE80 << 112) + interface))
VRIDS = st.integers(1, 255)
PRIORITIES = st.integers(0, 255)
INTERVALS = st.integers(1, 4095)
LISTS4 = st.lists(st.integers(0, 2**32 - 1).map(IPv4Address), min_size=1, max_size=20)
SECONDS = st.integers(1, 255)
PASSWORDS = st.none() | st.binary(min_size=1, max_size=8).map(SimpleText)
LISTS6 = st.lists(st.integers(0, 2**128 - 1).map(IPv6Address), min_size=1, max_size=20)


def received(message: bytes, source: IPAddress) -> Advert | Dropped:
    family = Family(source.version)
    return decode(message, family=family, source=source, destination=family.group, ttl=255, vrids=range(256))


@given(st.binary(max_size=300))
def test_no_bytes_make_the_ipv4_decoder_raise(packet: bytes) -> None:
    assert isinstance(decode_ipv4(packet, vrids=range(256)), Advert | Dropped)


@given(st.binary(max_size=300), st.sampled_from(list(Family)), st.integers(0, 2**32 - 1))
def test_no_message_makes_the_decoder_raise(message: bytes, family: Family, source: int) -> None:
    for text in (message, b"\x31" + message):
        address: IPAddress = IPv4Address(source) if family is Family.IPV4 else IPv6Address((0xFE80 << 112) + source)
        assert isinstance(received(text, address), Advert | Dropped)


@given(VRIDS, PRIORITIES, INTERVALS, LISTS4, SOURCES4, st.sampled_from(list(ChecksumForm)))
def test_what_is_sent_is_what_is_read(
    vrid: int,
    priority: int,
    interval_cs: int,
    addresses: list[IPv4Address],
    source: IPv4Address,
    form: ChecksumForm,
) -> None:
    message = encode(
        vrid=vrid,
        priority=priority,
        interval_cs=interval_cs,
        addresses=addresses,
        source=source,
        checksum_form=form,
    )
    assert received(message, source) == Advert(source, vrid, priority, interval_cs, tuple(addresses), form)


@given(VRIDS, PRIORITIES, INTERVALS, LISTS6, SOURCES6)
def test_what_is_sent_is_what_is_read_in_ipv6(
    vrid: int, priority: int, interval_cs: int, addresses: list[IPv6Address], source: IPv6Address
) -> None:
    message = encode(vrid=vrid, priority=priority, interval_cs=interval_cs, addresses=addresses, source=source)
    advert = received(message, source)
    assert isinstance(advert, Advert)
    assert (advert.vrid, advert.priority, advert.interval_cs) == (vrid, priority, interval_cs)
    assert sorted(map(int, advert.addresses)) == sorted(map(int, addresses))


@given(LISTS4, SOURCES4, st.data())
def test_hostile_14_no_flipped_bit_passes(
    addresses: list[IPv4Address], source: IPv4Address, data: st.DataObject
) -> None:
    message = bytearray(encode(vrid=51, priority=100, interval_cs=100, addresses=addresses, source=source))
    bit = data.draw(st.integers(0, 8 * len(message) - 1))
    message[bit // 8] ^= 1 << bit % 8
    assert isinstance(received(bytes(message), source), Dropped)


@given(VRIDS, PRIORITIES, INTERVALS, LISTS4, SOURCES4)
def test_scapy_builds_the_same_ipv4_advert(
    vrid: int, priority: int, interval_cs: int, addresses: list[IPv4Address], source: IPv4Address
) -> None:
    theirs = bytes(
        IP(src=str(source), dst="224.0.0.18", ttl=255, proto=112)
        / VRRPv3(vrid=vrid, priority=priority, adv=interval_cs, addrlist=[str(item) for item in addresses])
    )
    ours = encode(vrid=vrid, priority=priority, interval_cs=interval_cs, addresses=addresses, source=source)
    assert theirs[20:] == ours
    assert decode_ipv4(theirs, vrids={vrid}) == Advert(source, vrid, priority, interval_cs, tuple(addresses))


@given(VRIDS, PRIORITIES, INTERVALS, LISTS6, SOURCES6)
def test_scapy_builds_the_same_ipv6_advert(
    vrid: int, priority: int, interval_cs: int, addresses: list[IPv6Address], source: IPv6Address
) -> None:
    ours = encode(vrid=vrid, priority=priority, interval_cs=interval_cs, addresses=addresses, source=source)
    in_our_order = sorted(addresses, key=lambda address: not address.is_link_local)
    theirs = bytes(
        IPv6(src=str(source), dst="ff02::12", hlim=255, nh=112)
        / VRRPv3(vrid=vrid, priority=priority, adv=interval_cs, addrlist=[str(item) for item in in_our_order])
    )
    assert theirs[40:] == ours


@given(VRIDS, PRIORITIES, INTERVALS, LISTS4, SOURCES4)
def test_scapy_reads_our_advert(
    vrid: int, priority: int, interval_cs: int, addresses: list[IPv4Address], source: IPv4Address
) -> None:
    ours = encode(vrid=vrid, priority=priority, interval_cs=interval_cs, addresses=addresses, source=source)
    header = bytes(IP(src=str(source), dst="224.0.0.18", ttl=255, proto=112, len=20 + len(ours)))
    advert = IP(header + ours)[VRRPv3]
    assert (advert.version, advert.type, advert.vrid, advert.priority) == (3, 1, vrid, priority)
    assert (advert.res, advert.adv) == (0, interval_cs)
    assert advert.addrlist == [str(item) for item in addresses]


# ---- version 2


@given(VRIDS, PRIORITIES, SECONDS, LISTS4, SOURCES4, PASSWORDS)
def test_what_version_2_sends_is_what_it_reads(
    vrid: int,
    priority: int,
    interval_s: int,
    addresses: list[IPv4Address],
    source: IPv4Address,
    password: SimpleText | None,
) -> None:
    message = encode(
        vrid=vrid,
        priority=priority,
        interval_cs=100 * interval_s,
        addresses=addresses,
        source=source,
        version=Version.V2,
        password=password,
    )
    terms = Expected(version=Version.V2, interval_cs=100 * interval_s, addresses=tuple(addresses), password=password)
    advert = Advert(source, vrid, priority, 100 * interval_s, tuple(addresses), ChecksumForm.MESSAGE_ONLY, Version.V2)
    assert _received_on_terms(message, source, terms) == advert
    assert isinstance(received(message, source), Dropped)


@given(VRIDS, PRIORITIES, SECONDS, LISTS4, SOURCES4)
def test_scapy_builds_the_same_advert_of_version_2(
    vrid: int, priority: int, interval_s: int, addresses: list[IPv4Address], source: IPv4Address
) -> None:
    theirs = VRRP(vrid=vrid, priority=priority, adv=interval_s, addrlist=[str(item) for item in addresses])
    ours = encode(
        vrid=vrid,
        priority=priority,
        interval_cs=100 * interval_s,
        addresses=addresses,
        source=source,
        version=Version.V2,
    )
    assert bytes(theirs) == ours


@given(LISTS4, SOURCES4, st.data())
def test_hostile_14_no_flipped_bit_passes_in_version_2(
    addresses: list[IPv4Address], source: IPv4Address, data: st.DataObject
) -> None:
    message = bytearray(
        encode(vrid=51, priority=100, interval_cs=100, addresses=addresses, source=source, version=Version.V2)
    )
    bit = data.draw(st.integers(0, 8 * len(message) - 1))
    message[bit // 8] ^= 1 << bit % 8
    terms = Expected(version=Version.V2, interval_cs=100, addresses=tuple(addresses))
    assert isinstance(_received_on_terms(bytes(message), source, terms), Dropped)


@given(st.binary(max_size=300), st.sampled_from([b"\x21", b"\x31", b""]), PASSWORDS)
def test_no_message_makes_the_decoder_raise_whatever_it_expects(
    message: bytes, head: bytes, password: SimpleText | None
) -> None:
    source = IPv4Address("192.0.2.1")
    keys = Authenticator(KeyRing({1: bytes(32)}, 1), HmacMode.PERMISSIVE, 0)
    for terms in (
        Expected(version=Version.V2, interval_cs=100, addresses=(source,), password=password, authenticator=keys),
        Expected(interval_cs=100, addresses=(source,), authenticator=keys),
    ):
        assert isinstance(_received_on_terms(head + message, source, terms), Advert | Dropped)


def _received_on_terms(message: bytes, source: IPv4Address, terms: Expected) -> Advert | Dropped:
    return decode(
        message,
        family=Family.IPV4,
        source=source,
        destination=Family.IPV4.group,
        ttl=255,
        vrids=range(256),
        expected={message[1]: terms} if len(message) > 1 else {},
    )
