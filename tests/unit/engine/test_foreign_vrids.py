"""Others' VRIDs on a segment, on a real cable; time passes when a test says so. (With whole speakers: tests/netns/test_foreign_vrids.py.)"""

from __future__ import annotations

import socket
import time
from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.foreign_vrids import FIRST_NS, WINDOW_NS, WINDOWS, Scout, _Post
from vipkeeper.engine.interfaces import Interfaces
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink import Netlink
from vipkeeper.engine.netlink_codec import AddressMessage, LinkMessage, Message
from vipkeeper.engine.raw_socket import open_raw_socket
from vipkeeper.ipc.messages import SegmentHeard
from vipkeeper.vrrp.packet import Family, encode
from vipkeeper.vrrp.units import NS_PER_S

families = pytest.mark.parametrize("family", Family)
SEGMENTS = {Family.IPV4: "192.0.2.0/24", Family.IPV6: "2001:db8::/64"}


class Clock(Loop):
    def pass_to(self, now_ns: int) -> None:
        self._ring(self._ordinary, now_ns)


class Cable:
    """Our end is `one`, strangers send from `two`. `own`: VRIDs of ours there."""

    def __init__(self, family: Family, *own: int) -> None:
        ip("link add one type veth peer name two")
        for name in ("one", "two"):
            ip(f"link set {name} up")
        ip("address add 192.0.2.1/24 dev one")
        ip("-6 address add 2001:db8::1/64 dev one nodad")
        self.family = family
        self.loop = Clock()
        interfaces = Interfaces()

        def take(message: Message) -> None:
            if isinstance(message, LinkMessage | AddressMessage):
                interfaces.take(message)

        netlink = Netlink(take, lambda: None)
        netlink.dump()
        self.loop.watch(netlink.fileno(), lambda _now_ns: netlink.read())
        self.run(lambda: interfaces.named("one") is not None and len(interfaces.named("one").addresses) > 1)  # type: ignore[union-attr]
        self.changes = 0
        self.index = socket.if_nametoindex("one")
        self.own = {(self.index, family): own} if own else {}
        self.scout = Scout(self.loop, interfaces, frozenset(), lambda: self.own, self.changed)
        self.now_ns = time.monotonic_ns() + 3600 * NS_PER_S  # nothing rings by itself
        self.scout.start(self.now_ns - NS_PER_S)
        if own:
            self.join()
        self.loop.pass_to(self.now_ns)
        self.now_ns += FIRST_NS
        self.far = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.far.bind(("two", 0))

    def join(self) -> None:
        """As the port of a router does."""
        self.router = open_raw_socket("one", self.index, self.family, 1 << 14)
        _Post(self.router, self.family, False).join(self.index)

    def changed(self) -> None:
        self.changes += 1

    def run(self, happened: object) -> None:
        assert callable(happened)
        for _ in range(200):
            self.loop.run_once(0.01)
            if happened():
                return
        raise AssertionError("it has not happened")

    def send(self, vrid: int, *, ttl: int = 255, spoilt: bool = False) -> None:
        four = self.family is Family.IPV4
        source, vip = (
            ip_address(item) for item in (("192.0.2.77", "192.0.2.200") if four else ("fe80::77", "fe80::200"))
        )
        message = encode(vrid=vrid, priority=100, interval_cs=100, addresses=(vip,), source=source)
        message = message[:3] + b"\0" + message[4:] if spoilt else message
        if four:
            packet = IP(src=str(source), dst="224.0.0.18", proto=112, ttl=ttl) / message
            frame = Ether(src="02:00:00:00:00:77", dst="01:00:5e:00:00:12") / packet
        else:
            packet = IPv6(src=str(source), dst="ff02::12", nh=112, hlim=ttl) / message
            frame = Ether(src="02:00:00:00:00:77", dst="33:33:00:00:00:12") / packet
        self.far.send(bytes(frame))

    def end_window(self) -> tuple[int, ...]:
        """What is told then."""
        for _ in range(5):
            self.loop.run_once(0.01)
        self.loop.pass_to(self.now_ns)
        self.now_ns += WINDOW_NS
        heard = self.scout.report()
        assert all(item.segment == SEGMENTS[self.family] for item in heard), heard
        return heard[0].foreign_vrids if heard else ()


@families
@in_own_network
def test_what_others_use_is_told_at_the_end_of_a_window_and_for_some_more(family: Family) -> None:
    cable = Cable(family, 51)
    for vrid in (51, 7, 99, 7):
        cable.send(vrid)
    assert cable.scout.report() == ()
    assert cable.end_window() == (7, 99)
    assert cable.scout.report() == (SegmentHeard("one", SEGMENTS[family], (7, 99)),)
    assert cable.changes == 1
    for _ in range(WINDOWS - 1):
        cable.send(7)
        assert cable.end_window() == (7, 99)
    cable.send(7)
    assert cable.end_window() == (7,)
    assert cable.changes == 2


@families
@in_own_network
def test_what_has_not_the_way_or_the_form_of_an_advert_does_not_count(family: Family) -> None:
    cable = Cable(family, 51)
    cable.send(7, ttl=64)
    cable.send(8, spoilt=True)
    assert cable.end_window() == ()


@in_own_network
def test_one_that_becomes_ours_is_foreign_no_more() -> None:
    cable = Cable(Family.IPV4, 51)
    cable.send(7)
    assert cable.end_window() == (7,)
    cable.own = {(cable.index, Family.IPV4): (51, 7)}
    assert cable.end_window() == ()


@in_own_network
def test_nobody_listens_where_there_is_neither_a_router_nor_a_default_route() -> None:
    cable = Cable(Family.IPV4)
    cable.send(7)
    assert cable.end_window() == ()
    ip("route add default via 192.0.2.254")
    cable.end_window()
    cable.send(7)
    assert cable.end_window() == (7,)
    assert "224.0.0.18" in ip("maddress show dev one"), "it is joined there, for nobody else does"
    cable.own = {(cable.index, Family.IPV4): (51,)}
    assert cable.end_window() == (7,), "what was heard is not forgotten"
    assert "224.0.0.18" not in ip("maddress show dev one"), "the router's own membership shall be the only one"
    cable.join()
    cable.send(9)
    assert cable.end_window() == (7, 9)


@families
@in_own_network
def test_a_flood_wakes_once_for_each_vrid_in_a_window(family: Family) -> None:
    cable = Cable(family, 51)
    cable.send(7)
    cable.run(lambda: 7 in cable.scout._posts[cable.index, family].heard)
    wakeups = 0
    read = cable.scout._read

    def counted(post: object) -> None:
        nonlocal wakeups
        wakeups += 1
        read(post)  # type: ignore[arg-type]

    cable.scout._read = counted  # type: ignore[method-assign]
    for _ in range(300):
        cable.send(7)
    for _ in range(5):
        cable.loop.run_once(0.01)
    assert wakeups == 0
    cable.send(8)
    cable.run(lambda: wakeups)
    assert cable.end_window() == (7, 8)
