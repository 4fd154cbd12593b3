"""The kernel's packet filter, run by the kernel; and the raw sockets, at one end of a cable whose other end we hold.

(With whole speakers: tests/netns/test_elections.py.)
"""

import ctypes
import os
import select
import socket
import struct
from collections.abc import Set
from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.wire import READS_PER_WAKEUP, Port, vrid_filter
from vipkeeper.ipc.fields import IPAddress
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import Advert, Dropped, DropReason, Family, Version, encode

SO_ATTACH_FILTER = 26


def passes(family: Family, vrids: Set[int], packet: bytes, v2: Set[int] = frozenset()) -> bool:
    """Whether it comes through the filter for `vrids` of version 3, and `v2` of version 2."""
    steps = vrid_filter(family, dict.fromkeys(vrids, Version.V3) | dict.fromkeys(v2, Version.V2))
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        sock_fprog = struct.pack("@HP", len(steps), ctypes.addressof(program))
        receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog)
        receiver.setblocking(False)
        sender.setblocking(False)
        try:
            sender.send(packet)
            return receiver.recv(65536) == packet
        except OSError:
            return False


def ip_header(words: int = 5) -> bytes:
    return bytes((0x40 | words,)) + bytes(words * 4 - 1)


def advert(vrid: int, version_type: int = 0x31) -> bytes:
    return bytes((version_type, vrid, 100, 1, 0, 25, 0, 0)) + bytes(4)


@pytest.mark.parametrize("vrid", [1, 51, 200, 255])
def test_configured_vrids_pass_in_both_families_also_behind_ip_options(vrid: int) -> None:
    vrids = {1, 51, 200, 255}
    assert passes(Family.IPV6, vrids, advert(vrid))
    assert passes(Family.IPV4, vrids, ip_header() + advert(vrid))
    assert passes(Family.IPV4, vrids, ip_header(15) + advert(vrid))


@pytest.mark.parametrize(
    "packet",
    [advert(52), advert(0), advert(51, 0x21), advert(51, 0x30), advert(51, 0x32), advert(51, 0x41), b"", b"\x31"],
    ids=["another VRID", "VRID 0", "version 2", "type 0", "type 2", "version 4", "empty", "one byte"],
)
def test_strangers_do_not(packet: bytes) -> None:
    assert not passes(Family.IPV6, {51}, packet)
    assert not passes(Family.IPV4, {51}, ip_header() + packet)


@pytest.mark.parametrize("vrid", range(1, 256, 127))
def test_each_vrid_passes_in_its_version_and_in_no_other(vrid: int) -> None:
    every = set(range(1, 256))
    for old, new in ((every, set()), (set(), every), (every - {vrid}, {vrid}), ({vrid}, every - {vrid})):
        v2_passes = passes(Family.IPV4, new, ip_header() + advert(vrid, 0x21), old)
        v3_passes = passes(Family.IPV4, new, ip_header() + advert(vrid, 0x31), old)
        assert (v2_passes, v3_passes) == (vrid in old, vrid in new)
        assert not passes(Family.IPV4, new, ip_header() + advert(vrid, 0x22), old)


def test_nothing_passes_before_there_is_a_router() -> None:
    assert not passes(Family.IPV6, set(), advert(51))


def test_all_255_vrids_fit_into_one_program() -> None:
    every = set(range(1, 256))
    assert passes(Family.IPV4, every, ip_header() + advert(255))
    assert len(vrid_filter(Family.IPV4, dict.fromkeys(every, Version.V3))) < 4096


OUR_MAC, THEIR_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
OURS = {Family.IPV4: ip_address("192.0.2.111"), Family.IPV6: ip_address("fe80::1")}
THEIRS = {Family.IPV4: ip_address("192.0.2.2"), Family.IPV6: ip_address("fe80::2")}
VIPS = {Family.IPV4: ip_address("192.0.2.100"), Family.IPV6: ip_address("fe80::100")}
families = pytest.mark.parametrize("family", list(Family), ids=lambda family: family.name)


class Cable:
    """A port at one end (`one`), a packet socket at the other (`two`)."""

    def __init__(self, family: Family) -> None:
        ip(f"link add one address {OUR_MAC} type veth peer name two address {THEIR_MAC}")
        ip("link set one addrgenmode none")
        ip("link set two addrgenmode none")
        ip("address add 192.0.2.1/24 dev one")
        ip("address add 192.0.2.111/24 dev one")
        for link_local in ("fe80::5", "fe80::1", "fe80::6"):
            ip(f"address add {link_local}/64 dev one nodad")
        ip("address add 2001:db8::1/64 dev one nodad")
        ip("link set one up")
        ip("link set two up")
        self.family = family
        self.heard: list[Advert] = []
        self.refused: list[tuple[Dropped, str, int | None]] = []
        self.port = Port(
            "one",
            socket.if_nametoindex("one"),
            family,
            lambda advert, _now_ns: self.heard.append(advert),
            lambda *refusal: self.refused.append(refusal),
        )
        self.port.expect({51: Expected(), 52: Expected()})
        self.port.set_source(OURS[family])
        self.port.join()
        self.other_end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.other_end.bind(("two", 0))
        self.other_end.settimeout(10)

    def sent(self) -> Ether:
        """The next advert that left our end."""
        while True:
            frame = Ether(self.other_end.recv(2000))
            if frame.src == OUR_MAC and (IP in frame or IPv6 in frame) and self._is_advert(frame):
                return frame

    def send(self, message: bytes, *, source: IPAddress | None = None, ttl: int = 255) -> None:
        """Let this come out of the cable on our side."""
        source = source or THEIRS[self.family]
        if self.family is Family.IPV4:
            packet = IP(src=str(source), dst="224.0.0.18", proto=112, ttl=ttl) / message
            frame = Ether(src=THEIR_MAC, dst="01:00:5e:00:00:12") / packet
        else:
            packet = IPv6(src=str(source), dst="ff02::12", nh=112, hlim=ttl) / message
            frame = Ether(src=THEIR_MAC, dst="33:33:00:00:00:12") / packet
        self.other_end.send(bytes(frame))

    def read(self) -> None:
        """What the port makes of what has arrived; something has."""
        assert select.select([self.port], [], [], 10)[0]
        self.port.read(0)

    def nothing_arrives(self) -> bool:
        return not select.select([self.port], [], [], 0.05)[0]

    @staticmethod
    def _is_advert(frame: Ether) -> bool:
        return frame[IP].proto == 112 if IP in frame else frame[IPv6].nh == 112


def message(family: Family, *, vrid: int = 51, priority: int = 100, source: IPAddress | None = None) -> bytes:
    return encode(
        vrid=vrid,
        priority=priority,
        interval_cs=25,
        addresses=(VIPS[family],),
        source=source or THEIRS[family],
    )


@families
@in_own_network
def test_an_advert_leaves_for_the_group_with_our_source_ttl_255_and_network_control(family: Family) -> None:
    cable = Cable(family)
    ours = message(family, source=OURS[family])
    assert cable.port.send(ours)
    frame = cable.sent()
    if family is Family.IPV4:
        packet = frame[IP]
        assert (frame.dst, packet.dst, packet.ttl, packet.tos) == ("01:00:5e:00:00:12", "224.0.0.18", 255, 0xC0)
    else:
        packet = frame[IPv6]
        assert (frame.dst, packet.dst, packet.hlim, packet.tc) == ("33:33:00:00:00:12", "ff02::12", 255, 0xC0)
    assert packet.src == str(OURS[family])
    assert bytes(packet.payload) == ours
    assert cable.nothing_arrives(), "what we say does not come back to us"


@families
@in_own_network
def test_an_advert_that_arrives_is_heard_each_time_and_with_what_it_says(family: Family) -> None:
    cable = Cable(family)
    for priority in (100, 100, 101, 100):
        cable.send(message(family, priority=priority))
        cable.read()
    assert [advert.priority for advert in cable.heard] == [100, 100, 101, 100]
    assert {(advert.vrid, advert.source, advert.interval_cs) for advert in cable.heard} == {(51, THEIRS[family], 25)}
    assert cable.refused == []


@families
@in_own_network
def test_bad_adverts_are_refused_with_cause_source_and_vrid(family: Family) -> None:
    cable = Cable(family)
    good = message(family, vrid=52)
    cable.send(good)
    cable.read()
    assert len(cable.heard) == 1
    damaged = good[:2] + b"\x01" + good[3:]
    for bad, ttl, reason in ((good, 254, DropReason.WRONG_TTL), (damaged, 255, DropReason.WRONG_CHECKSUM)):
        cable.send(bad, ttl=ttl)
        cable.read()
        dropped, source, vrid = cable.refused.pop()
        assert (dropped.reason, source, vrid) == (reason, str(THEIRS[family]), 52)
    assert len(cable.heard) == 1, "and nobody took the good one's word for them"


@families
@in_own_network
def test_another_vrid_does_not_even_wake_us_until_it_lives_here(family: Family) -> None:
    cable = Cable(family)
    cable.send(message(family, vrid=53))
    assert cable.nothing_arrives()
    cable.port.expect({53: Expected()})
    cable.send(message(family, vrid=53))
    cable.read()
    cable.send(message(family, vrid=51))
    assert cable.nothing_arrives()
    assert [advert.vrid for advert in cable.heard] == [53]


@in_own_network
def test_version_2_is_heard_where_it_is_expected_and_compared_with_what_is_expected() -> None:
    cable = Cable(Family.IPV4)
    vip = VIPS[Family.IPV4]
    cable.port.expect({51: Expected(version=Version.V2, interval_cs=100, addresses=(vip,)), 52: Expected()})

    def v2(vrid: int, interval_cs: int) -> bytes:
        source = THEIRS[Family.IPV4]
        return encode(
            vrid=vrid, priority=100, interval_cs=interval_cs, addresses=(vip,), source=source, version=Version.V2
        )

    cable.send(v2(51, 100))
    cable.read()
    assert [(advert.version, advert.vrid, advert.interval_cs) for advert in cable.heard] == [(Version.V2, 51, 100)]
    cable.send(v2(51, 200))
    cable.read()
    assert [dropped.reason for dropped, _, _ in cable.refused] == [DropReason.WRONG_INTERVAL]
    for stranger in (v2(52, 100), message(Family.IPV4, vrid=51)):
        cable.send(stranger)
        assert cable.nothing_arrives()
    cable.port.expect({51: Expected(version=Version.V2, interval_cs=200, addresses=(vip,))})
    cable.send(v2(51, 100))
    cable.read()
    assert len(cable.heard) == 1, "what was good before is asked again"


@families
@in_own_network
def test_an_advert_from_the_address_that_becomes_ours_is_an_echo(family: Family) -> None:
    cable = Cable(family)
    cable.send(message(family))
    cable.read()
    cable.port.set_source(THEIRS[family])
    cable.send(message(family))
    cable.read()
    assert len(cable.heard) == 1
    assert len(cable.refused) == 1


@families
@in_own_network
def test_one_wakeup_reads_no_more_than_its_share(family: Family) -> None:
    cable = Cable(family)
    for _ in range(READS_PER_WAKEUP + 10):
        cable.send(message(family))
    cable.read()
    assert len(cable.heard) == READS_PER_WAKEUP
    cable.read()
    assert len(cable.heard) == READS_PER_WAKEUP + 10


@in_own_network
def test_a_cable_that_is_cut_is_said_once_and_so_is_its_return() -> None:
    cable = Cable(Family.IPV4)
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    ip("link set one down")
    ours = message(Family.IPV4, source=OURS[Family.IPV4])
    assert [cable.port.send(ours) for _ in range(3)] == [False, False, False]
    ip("link set one up")
    assert cable.port.send(ours)
    lines = os.read(reader, 65536).decode().splitlines()
    assert [line.partition(" interface=")[0] for line in lines] == [
        "adverts are not sent",
        "adverts are sent again",
    ]


@in_own_network
def test_a_port_hears_again_after_its_cable_was_cut() -> None:
    cable = Cable(Family.IPV4)
    ip("link set one down")
    cable.port.read(0)
    ip("link set one up")
    cable.port.join()
    cable.send(message(Family.IPV4))
    cable.read()
    assert len(cable.heard) == 1


@in_own_network
def test_an_interface_that_is_not_there_is_an_error_of_the_constructor() -> None:
    with pytest.raises(OSError, match="No such device"):
        Port("nowhere", 99, Family.IPV4, lambda *_: None, lambda *_: None)
