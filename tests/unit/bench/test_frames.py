"""Bytes to records; the frames are made by scapy, the netlink messages by pyroute2."""

from __future__ import annotations

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from scapy.all import ARP, ICMP, IP, UDP, Ether, Raw

from tests.bench.frames import AddressChange, Advert, EchoReply, GratuitousArp, parse_address_changes, parse_frame

MAC = "02:00:00:00:00:01"


def frame(*layers: object) -> bytes:
    packet = Ether(src=MAC, dst="01:00:5e:00:00:12")
    for layer in layers:
        packet = packet / layer
    return bytes(packet)


def test_an_advert() -> None:
    data = frame(
        IP(src="192.0.2.1", dst="224.0.0.18", ttl=255, proto=112), Raw(bytes.fromhex("3133c80100640000c0000264"))
    )
    assert parse_frame(data, 7) == Advert(7, MAC, 0x33, 0xC8)


def test_an_advert_behind_ip_options() -> None:
    header = IP(src="192.0.2.1", dst="224.0.0.18", proto=112, options=b"\x94\x04\0\0")
    assert parse_frame(frame(header, Raw(bytes.fromhex("3133c80100640000"))), 7) == Advert(7, MAC, 0x33, 0xC8)


def test_a_gratuitous_arp_and_a_common_one() -> None:
    gratuitous = ARP(op=1, hwsrc=MAC, psrc="192.0.2.100", pdst="192.0.2.100")
    assert parse_frame(frame(gratuitous), 7) == GratuitousArp(7, MAC, "192.0.2.100")
    assert parse_frame(frame(ARP(op=1, hwsrc=MAC, psrc="192.0.2.1", pdst="192.0.2.100")), 7) is None


def test_an_answer_to_a_ping_but_not_the_ping() -> None:
    addresses = IP(src="192.0.2.100", dst="192.0.2.3")
    assert parse_frame(frame(addresses, ICMP(type=0)), 7) == EchoReply(7, "192.0.2.100")
    assert parse_frame(frame(addresses, ICMP(type=8)), 7) is None


@pytest.mark.parametrize("data", [b"", b"\0" * 33, frame(IP(), UDP()), frame(Raw(b"\0" * 40))])
def test_what_is_not_ours(data: bytes) -> None:
    assert parse_frame(data, 7) is None


def address_message(address: str, kind: int) -> bytes:
    message = ifaddrmsg()
    message["family"] = 2
    message["header"]["type"] = kind
    message["attrs"] = [("IFA_ADDRESS", address), ("IFA_LOCAL", address), ("IFA_LABEL", "eth0")]
    message.encode()
    return bytes(message.data)


def test_addresses_that_come_and_go() -> None:
    data = address_message("192.0.2.100", 20) + address_message("192.0.2.101", 21)
    assert list(parse_address_changes(data, 7, "one")) == [
        AddressChange(7, "one", "192.0.2.100", True),
        AddressChange(7, "one", "192.0.2.101", False),
    ]


def test_other_words_of_rtnetlink_are_passed_over() -> None:
    assert list(parse_address_changes(address_message("192.0.2.100", 24), 7, "one")) == []
    assert list(parse_address_changes(b"\0" * 64, 7, "one")) == []
