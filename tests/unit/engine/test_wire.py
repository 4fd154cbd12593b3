"""The kernel's packet filter, run by the kernel; and the raw sockets, at one end of a cable whose other end we hold.

(With whole speakers: tests/netns/test_elections.py.)
"""

import os
import select
import socket
import time
from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.receiver import READS_PER_WAKEUP
from vipkeeper.engine.wire import Port
from vipkeeper.ipc.fields import IPAddress
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import Advert, Dropped, DropReason, Family, Version, encode

OUR_MAC, THEIR_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
OURS = {Family.IPV4: ip_address("192.0.2.111"), Family.IPV6: ip_address("fe80::1")}
THEIRS = {Family.IPV4: ip_address("192.0.2.2"), Family.IPV6: ip_address("fe80::2")}
VIPS = {Family.IPV4: ip_address("192.0.2.100"), Family.IPV6: ip_address("fe80::100")}
MS = 1_000_000
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
        while not all("state UP" in ip(f"link show {name}") for name in ("one", "two")):
            time.sleep(0.001)  # until then the kernel drops what is sent
        self.family = family
        self.heard: list[Advert] = []
        self.arrived_ns: list[int] = []
        self.refused: list[tuple[Dropped, str, int | None]] = []
        self.port = Port(
            "one",
            socket.if_nametoindex("one"),
            family,
            self.hear,
            lambda *refusal: self.refused.append(refusal),
        )
        self.port.expect({51: Expected(), 52: Expected()})
        self.port.set_source(OURS[family])
        self.port.join()
        self.other_end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.other_end.bind(("two", 0))
        self.other_end.settimeout(10)

    def hear(self, advert: Advert, _now_ns: int, arrived_ns: int) -> bool:
        """As a Backup does that follows whoever spoke last."""
        known = advert in self.heard[-1:]
        self.heard.append(advert)
        self.arrived_ns.append(arrived_ns)
        return known

    def make_quiet(self, vrid: int = 51) -> None:
        """An advert that was heard twice is known from here on."""
        for _ in range(2):
            self.send(message(self.family, vrid=vrid))
            self.read()
        assert self.port.unsettled
        self.port.settle(time.monotonic_ns())
        assert not self.port.unsettled

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
        cable.read()
        dropped, _, _ = cable.refused[-1]
        assert dropped.reason is DropReason.WRONG_VERSION
        assert dropped.said is not None, "somebody has our VRID"
        assert dropped.said.priority == stranger[2]
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
        Port("nowhere", 99, Family.IPV4, lambda *_: False, lambda *_: None)


@families
@in_own_network
def test_an_advert_that_says_the_same_again_wakes_nobody_and_counts_from_when_it_arrived(family: Family) -> None:
    cable = Cable(family)
    cable.make_quiet()
    assert cable.port.quiet_period_ns == 250 * MS, "its interval"
    cable.port.read_quiet(time.monotonic_ns())
    before_ns = time.monotonic_ns()
    cable.send(message(family))
    after_ns = time.monotonic_ns()
    assert cable.nothing_arrives()
    assert len(cable.heard) == 2
    cable.port.read_quiet(time.monotonic_ns())
    assert len(cable.heard) == 3
    assert before_ns - MS < cable.arrived_ns[-1] < after_ns + MS, "not 50 ms later, when it was read"


@families
@in_own_network
def test_whatever_else_is_said_is_news(family: Family) -> None:
    cable = Cable(family)
    cable.make_quiet()
    another = ip_address("192.0.2.3") if family is Family.IPV4 else ip_address("fe80::3")
    same = message(family)
    damaged = same[:-1] + bytes((same[-1] ^ 1,))
    for what, ttl, source in (
        (message(family, priority=0), 255, None),
        (message(family, priority=101), 255, None),
        (message(family, vrid=52), 255, None),
        (message(family, source=another), 255, another),
        (damaged, 255, None),
        (same + bytes(4), 255, None),
        (same, 254, None),
    ):
        cable.send(what, ttl=ttl, source=source)
        cable.read()
    assert [advert.priority for advert in cable.heard[2:]] == [0, 101, 100, 100]
    reasons = [dropped.reason for dropped, _, _ in cable.refused]
    assert reasons == [DropReason.WRONG_CHECKSUM, DropReason.WRONG_LENGTH, DropReason.WRONG_TTL]


@families
@in_own_network
def test_who_is_listened_to_again_wakes_us(family: Family) -> None:
    cable = Cable(family)
    cable.make_quiet()
    cable.port.listen_to(51)
    cable.send(message(family))
    cable.port.settle(time.monotonic_ns())
    assert len(cable.heard) == 3, "what came by the quiet socket until then is not left behind in it"
    cable.send(message(family))
    cable.read()
    assert len(cable.heard) == 4
    assert cable.port.quiet_period_ns == 0 or cable.port.unsettled


@families
@in_own_network
def test_another_configuration_makes_everything_news(family: Family) -> None:
    cable = Cable(family)
    cable.make_quiet()
    cable.port.expect({51: Expected()})
    cable.send(message(family))
    cable.read()
    assert len(cable.heard) == 3


@families
@in_own_network
def test_all_vrids_may_be_quiet_at_once_or_as_many_as_the_kernel_takes(family: Family) -> None:
    cable = Cable(family)
    vrids = range(1, 256)
    cable.port.expect({vrid: Expected() for vrid in vrids})
    for vrid in vrids:
        cable.make_quiet(vrid=vrid)
    heard = len(cable.heard)
    for vrid in vrids:
        cable.send(message(family, vrid=vrid))
    cable.port.read_quiet(time.monotonic_ns())
    quiet = len(cable.heard) - heard
    assert quiet >= 100
    while select.select([cable.port], [], [], 0)[0]:
        cable.port.read(0)
    assert len(cable.heard) - heard == len(vrids), "the others wake us as before"
    print(f"{quiet} of {len(vrids)}")


@families
@in_own_network
def test_the_same_junk_again_is_refused_again(family: Family) -> None:
    cable = Cable(family)
    same = message(family)
    for _ in range(3):
        cable.send(same[:-1] + bytes((same[-1] ^ 1,)))
        cable.read()
    assert [dropped.reason for dropped, _, _ in cable.refused] == [DropReason.WRONG_CHECKSUM] * 3


@in_own_network
def test_what_did_not_fit_into_the_buffer_is_told() -> None:
    cable = Cable(Family.IPV4)
    assert cable.port.newly_lost() == 0
    frame = bytes(
        Ether(src=THEIR_MAC, dst="01:00:5e:00:00:12")
        / IP(src="192.0.2.2", dst="224.0.0.18", proto=112, ttl=255)
        / message(Family.IPV4)
    )
    for _ in range(3000):
        cable.other_end.send(frame)
    lost = cable.port.newly_lost()
    while cable.port.read(0):
        pass
    assert lost > 0
    assert lost + len(cable.heard) == 3000
    assert cable.port.newly_lost() == 0
