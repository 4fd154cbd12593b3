"""The frames are read by scapy, which has never seen our code; the bursts leave by a real cable."""

import os
import select
import socket
import time
from ipaddress import ip_address

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine import announce
from vipkeeper.engine.announce import (
    REPEATS_MS,
    Announcer,
    frames,
    gratuitous_arp,
    open_socket,
    unsolicited_advertisement,
)
from vipkeeper.engine.loop import Loop

MAC = bytes.fromhex("020000000001")


def test_a_gratuitous_arp_asks_everybody_for_its_own_address() -> None:
    frame = Ether(gratuitous_arp(MAC, ip_address("192.0.2.100")))
    assert (frame.src, frame.dst) == ("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")
    arp = frame[ARP]
    assert (arp.op, arp.hwsrc, arp.hwdst) == (1, "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")
    assert arp.psrc == arp.pdst == "192.0.2.100"
    assert len(frame) == 60  # the shortest that Ethernet carries


def test_an_unsolicited_advertisement_overrides_and_comes_from_a_router() -> None:
    raw = unsolicited_advertisement(MAC, ip_address("2001:db8::100"))
    frame = Ether(raw)
    assert frame.dst == "33:33:00:00:00:01"
    assert (frame[IPv6].src, frame[IPv6].dst, frame[IPv6].hlim) == ("2001:db8::100", "ff02::1", 255)
    assert frame[IPv6].plen == len(raw) - 14 - 40
    advertisement = frame[ICMPv6ND_NA]
    assert (advertisement.R, advertisement.S, advertisement.O, advertisement.tgt) == (1, 0, 1, "2001:db8::100")
    assert frame[ICMPv6NDOptDstLLAddr].lladdr == "02:00:00:00:00:01"
    given = advertisement.cksum
    del advertisement.cksum
    assert Ether(bytes(frame))[ICMPv6ND_NA].cksum == given


def test_each_family_has_its_frame_and_an_interface_without_ethernet_none() -> None:
    addresses = (ip_address("192.0.2.100"), ip_address("2001:db8::100"))
    assert [frame[12:14].hex() for frame in frames(MAC, addresses)] == ["0806", "86dd"]
    assert frames(b"", addresses) == ()


def test_three_at_once_and_two_later() -> None:
    assert REPEATS_MS[0] == 0
    assert len([moment for moment in REPEATS_MS if moment < 100]) == 3
    assert REPEATS_MS[3:] == (1000, 5000)


VIPS = (ip_address("192.0.2.100"), ip_address("2001:db8::100"))


class Cable:
    """An announcer at one end (`one`), a packet socket at the other."""

    def __init__(self) -> None:
        ip("link add one type veth peer name two")
        for name in ("one", "two"):
            ip(f"link set {name} addrgenmode none up")
        self.loop = Loop()
        self.announcer = Announcer(self.loop, open_socket())
        self._other_end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._other_end.bind(("two", 0))
        self._other_end.setblocking(False)

    def arrived(self) -> list[bytes]:
        """Our frames, in their order."""
        found: list[bytes] = []
        while True:
            try:
                frame = self._other_end.recv(2000)
            except BlockingIOError:
                return found
            if frame[6:12] == MAC:
                found.append(frame)

    def take(self, frames: int) -> list[bytes]:
        """So many, that have left already: the loop does not run."""
        found: list[bytes] = []
        while len(found) < frames and select.select([self._other_end], [], [], 10)[0]:
            found += self.arrived()
        return found

    def run_for(self, limit_ms: int, frames: int) -> list[bytes]:
        """Until so many frames have arrived, or the time is over."""
        found: list[bytes] = []
        end = time.monotonic() + limit_ms / 1000
        while len(found) < frames and time.monotonic() < end:
            self.loop.run_once(0.01)
            found += self.arrived()
        return found


@in_own_network
def test_each_burst_has_every_address_and_none_is_before_its_time() -> None:
    announce.REPEATS_MS = moments_ms = (0, 10, 40, 200, 400)  # in this child alone
    cable = Cable()
    cable.announcer.rehearse("one", MAC, VIPS)
    burst = list(frames(MAC, VIPS))
    started_ns = time.monotonic_ns()
    cable.announcer.start(started_ns)
    assert cable.take(2) == burst, "without the loop's help"
    for moment_ms in moments_ms[1:]:
        assert cable.run_for(10_000, 2) == burst
        assert time.monotonic_ns() - started_ns >= moment_ms * 1_000_000
    assert cable.run_for(300, 1) == []


@in_own_network
def test_who_stops_being_active_announces_no_more_and_who_becomes_it_again_starts_anew() -> None:
    cable = Cable()
    cable.announcer.rehearse("one", MAC, VIPS[:1])
    cable.announcer.start(time.monotonic_ns())
    cable.announcer.stop()
    assert len(cable.take(1)) == 1
    assert cable.run_for(100, 1) == []
    cable.announcer.start(time.monotonic_ns())
    assert len(cable.take(1)) == 1
    assert len(cable.run_for(10_000, 2)) == 2


@in_own_network
def test_a_repeat_says_what_is_right_by_then() -> None:
    """An address that was edited away in between is announced no more."""
    cable = Cable()
    cable.announcer.rehearse("one", MAC, VIPS)
    cable.announcer.start(time.monotonic_ns())
    cable.take(2)
    cable.announcer.rehearse("one", MAC, VIPS[1:])
    assert cable.run_for(10_000, 2) == list(frames(MAC, VIPS[1:])) * 2


@in_own_network
def test_an_interface_that_has_just_gone_is_not_worth_a_word() -> None:
    cable = Cable()
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    for interface in ("nowhere", "one"):
        ip("link set one down")
        cable.announcer.rehearse(interface, MAC, VIPS)
        cable.announcer.start(time.monotonic_ns())
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 4096)
    ip("link set one up")
    assert len(cable.run_for(10_000, 4)) == 4, "and the repeats leave when it is back"
