"""Who listens where: a VRID belongs to one router on one interface and family. (More: tests/netns/test_interfaces.py.)"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IFF_RUNNING, IFF_UP
from vipkeeper.engine.ports import FULL_READS, REST_NS, Ports, SharedPort
from vipkeeper.engine.receiver import READS_PER_WAKEUP
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import Advert, Dropped, Family, Version, encode

VIP = ip_address("192.0.2.100")
UP = IFF_UP | IFF_RUNNING
THEIRS = ip_address("192.0.2.2")


@dataclass
class Router:
    heard: list[int] = field(default_factory=list)
    heard_ns: list[int] = field(default_factory=list)
    arrived_ns: list[int] = field(default_factory=list)
    said: Advert | None = None
    lost: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)

    def advert_received(self, advert: Advert, now_ns: int, arrived_ns: int) -> bool:
        self.heard.append(advert.priority)
        self.heard_ns.append(now_ns)
        self.arrived_ns.append(arrived_ns)
        known, self.said = self.said is advert, advert
        return known

    def advert_refused(self, dropped: Dropped, source: str) -> None:
        self.refused.append((dropped.reason.value, source))

    def adverts_lost(self, count: int) -> None:
        self.lost += count


class Cables:
    """Two cables; our ends are `left` and `right`, and what is sent by `say` comes out there."""

    def __init__(self) -> None:
        for name in ("left", "right"):
            ip(f"link add {name} type veth peer name far-{name}")
            ip(f"link set {name} up")
            ip(f"link set far-{name} up")
        ip("address add 192.0.2.1/24 dev left")
        self.loop = Loop()
        self.ports = Ports(self.loop)

    def link(self, name: str, flags: int = UP) -> Link:
        return Link(socket.if_nametoindex(name), name, flags, bytes(6))

    def attach(self, name: str, vrid: int, router: Router, family: Family = Family.IPV4) -> SharedPort | None:
        return self.ports.attach(self.link(name), family, vrid, router, Expected())

    def frame(self, vrid: int, priority: int, ttl: int = 255) -> bytes:
        message = encode(vrid=vrid, priority=priority, interval_cs=25, addresses=(VIP,), source=THEIRS)
        packet = IP(src=str(THEIRS), dst="224.0.0.18", proto=112, ttl=ttl) / message
        return bytes(Ether(src="02:00:00:00:00:01", dst="01:00:5e:00:00:12") / packet)

    def say(self, name: str, vrid: int, priority: int, ttl: int = 255) -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as far:
            far.bind((f"far-{name}", 0))
            far.send(self.frame(vrid, priority, ttl))

    def read(self) -> None:
        self.loop.run_once(0.1)

    def run_until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not happened():
            assert time.monotonic() < deadline
            self.loop.run_once(0.3)


def groups(name: str) -> str:
    return ip(f"maddress show dev {name}")


@in_own_network
def test_each_router_hears_its_vrid_on_its_interface() -> None:
    cables, first, second, elsewhere = Cables(), Router(), Router(), Router()
    started_ns = time.monotonic_ns()
    ip("address add 192.0.2.11/24 dev right")
    assert cables.attach("left", 51, first) is cables.attach("left", 52, second)
    assert cables.attach("right", 51, elsewhere) is not None
    for name, vrid, priority in (("left", 51, 100), ("left", 52, 110), ("right", 51, 120), ("right", 52, 130)):
        cables.say(name, vrid, priority)
        cables.read()
    assert (first.heard, second.heard, elsewhere.heard) == ([100], [110], [120])
    assert started_ns < first.heard_ns[0] <= second.heard_ns[0] <= time.monotonic_ns()
    cables.say("left", 52, 100, ttl=1)
    cables.read()
    assert (first.refused, second.refused) == ([], [("WrongTTL", str(THEIRS))])


@in_own_network
def test_a_vrid_that_is_taken_is_not_shared_and_who_has_it_keeps_hearing() -> None:
    cables, first, late = Cables(), Router(), Router()
    shared = cables.attach("left", 51, first)
    assert shared is not None
    assert cables.attach("left", 51, late) is None
    assert cables.attach("left", 51, first) is shared, "asking again is no second router"
    assert cables.attach("left", 51, late, Family.IPV6) is not None, "another family is another election"
    cables.say("left", 51, 100)
    cables.read()
    assert (first.heard, late.heard) == ([100], [])
    cables.ports.detach(shared, 51)
    assert cables.attach("left", 51, late) is not None


@in_own_network
def test_who_leaves_hears_no_more_and_the_last_one_closes_the_socket() -> None:
    cables, first, second = Cables(), Router(), Router()
    shared = cables.attach("left", 51, first)
    assert shared is not None
    cables.attach("left", 52, second)
    cables.ports.detach(shared, 51)
    cables.say("left", 51, 100)
    cables.say("left", 52, 110)
    cables.read()
    assert (first.heard, second.heard) == ([], [110])
    assert "224.0.0.18" in groups("left")
    cables.ports.detach(shared, 52)
    assert "224.0.0.18" not in groups("left")
    again = cables.attach("left", 51, first)
    assert again is not None
    assert again is not shared


@in_own_network
def test_what_is_expected_may_change_while_it_listens() -> None:
    cables, first, second = Cables(), Router(), Router()
    shared = cables.attach("left", 51, first)
    cables.attach("left", 52, second)
    assert shared is not None
    shared.expect(51, Expected(version=Version.V2, interval_cs=100, addresses=(VIP,)))
    cables.say("left", 51, 100)
    cables.say("left", 52, 110)
    cables.read()
    assert (first.heard, second.heard) == ([], [110])
    shared.expect(51, Expected())
    cables.say("left", 51, 100)
    cables.read()
    assert first.heard == [100]


@in_own_network
def test_the_group_is_joined_when_the_link_comes_up_and_again_after_each_return() -> None:
    cables, router = Cables(), Router()
    down = cables.link("left", IFF_UP)
    assert cables.ports.attach(down, Family.IPV4, 51, router, Expected()) is not None
    assert "224.0.0.18" not in groups("left")
    cables.ports.link_changed(cables.link("right"))
    assert "224.0.0.18" not in groups("left"), "another interface's news"
    cables.ports.link_changed(cables.link("left"))
    assert "224.0.0.18" in groups("left")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as far:
        far.bind(("far-left", 0))
        far.settimeout(10)
        cables.ports.link_changed(down)
        cables.ports.link_changed(cables.link("left"))
        while (frame := far.recv(2000))[23] != 2:
            pass
    assert frame[23] == 2, "IGMP tells the switch"


@in_own_network
def test_an_interface_that_went_meanwhile_is_no_port() -> None:
    cables = Cables()
    gone = cables.link("right")
    ip("link del right")
    assert cables.ports.attach(gone, Family.IPV4, 51, Router(), Expected()) is None
    assert cables.attach("left", 51, Router()) is not None
    cables.ports.close()


@in_own_network
def test_in_a_flood_of_junk_it_rests_between_reads_and_all_junk_is_counted() -> None:
    cables, router = Cables(), Router()
    cables.attach("left", 51, router)
    sent, began = 0, time.monotonic()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as far:
        far.bind(("far-left", 0))
        frame = cables.frame(51, 100, ttl=1)
        while time.monotonic() - began < 0.5:
            for _ in range(200):
                far.send(frame)
            sent += 200
            cables.loop.run_once(0)
    share = 0.5 / (REST_NS / 1e9) * READS_PER_WAKEUP + 2 * FULL_READS * READS_PER_WAKEUP
    assert len(router.refused) < share
    deadline = time.monotonic() + 10
    while router.lost + len(router.refused) + len(router.heard) < sent or not router.heard:
        assert time.monotonic() < deadline
        sent += 2
        cables.say("left", 51, 100)
        cables.say("left", 51, 100, ttl=1)  # so that what was lost is told
        cables.loop.run_once(0.01)
        cables.loop.run_once(0.01)


@in_own_network
def test_a_quiet_advert_is_read_about_once_in_its_interval() -> None:
    cables, router = Cables(), Router()
    shared = cables.attach("left", 51, router)
    assert shared is not None
    for _ in range(2):
        cables.say("left", 51, 100)
        cables.read()
    cables.run_until(lambda: not shared.port.unsettled)
    cables.say("left", 51, 100)
    cables.run_until(lambda: len(router.heard) == 3)
    assert router.arrived_ns[2] <= router.heard_ns[2]
    shared.listen_to(51)
    cables.run_until(lambda: not shared.port.unsettled)
    cables.say("left", 51, 100)
    cables.read()
    assert len(router.heard) == 4


@in_own_network
def test_catching_up_hears_what_is_quiet_and_draining_everything() -> None:
    cables, router = Cables(), Router()
    shared = cables.attach("left", 51, router)
    assert shared is not None
    for _ in range(2):
        cables.say("left", 51, 100)
        cables.read()
    shared.port.settle(time.monotonic_ns())
    cables.say("left", 51, 100)
    cables.say("left", 51, 0)
    shared.catch_up(time.monotonic_ns())
    assert router.heard == [100, 100, 100]
    cables.say("left", 51, 100)
    shared.drain(time.monotonic_ns())
    assert router.heard == [100, 100, 100, 100, 0], "first what its Active had said before"
