"""The frames are read by scapy, which has never seen our code."""

from ipaddress import ip_address

from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from vipkeeper.engine.announce import REPEATS_MS, frames, gratuitous_arp, unsolicited_advertisement

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
