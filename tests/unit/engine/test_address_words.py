"""Who says that he has which address: read from frames that scapy makes, filtered by the kernel."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, IPv6
from scapy.layers.l2 import ARP, Ether

from tests.unit.engine.test_packet_filter import runs
from vipkeeper.engine.address_words import (
    ARP_SENDER_AT,
    MANY,
    ND_TARGET_END_AT,
    ONLY_REPLIES,
    Word,
    last_words,
    read_advertisement,
    read_arp,
    word_filter,
)

MAC = "02:00:00:00:00:66"
VIP, VIP6 = ip_address("192.0.2.100"), ip_address("2001:db8::100")


def arp(sender: str = str(VIP), target: str = "192.0.2.7", operation: int = 1) -> bytes:
    said = ARP(op=operation, hwsrc=MAC, psrc=sender, pdst=target)
    return bytes(Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / said)


def advertisement(*options: object) -> bytes:
    message = ICMPv6ND_NA(tgt=str(VIP6))
    for option in options or (ICMPv6NDOptDstLLAddr(lladdr=MAC),):
        message = message / option
    return bytes(IPv6(src=str(VIP6), dst="ff02::1") / message)[40:]


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        (arp(), "ARP request"),
        (arp(operation=2), "ARP reply"),
        (arp(target=str(VIP)), "ARP announcement"),
        (arp(target=str(VIP), operation=2), "ARP announcement"),
    ],
)
def test_the_sender_of_arp_says_that_he_has_the_address(frame: bytes, what: str) -> None:
    assert read_arp(frame) == Word(VIP, bytes.fromhex(MAC.replace(":", "")), what)


@pytest.mark.parametrize(
    "frame",
    [arp("0.0.0.0"), arp(operation=3), arp()[:41], b"", bytes(60), arp()[:17] + b"\x01" + arp()[18:]],
    ids=["a probe", "another operation", "cut off", "empty", "zeros", "another protocol"],
)
def test_what_is_no_claim_says_nothing(frame: bytes) -> None:
    assert read_arp(frame) is None


def test_a_neighbour_advertisement_says_where_its_target_is() -> None:
    word = Word(VIP6, bytes.fromhex(MAC.replace(":", "")), "neighbour advertisement")
    assert read_advertisement(advertisement(), 255) == word
    assert read_advertisement(advertisement(ICMPv6NDOptMTU(), ICMPv6NDOptDstLLAddr(lladdr=MAC)), 255) == word


def test_one_from_afar_or_without_a_mac_address_says_nothing() -> None:
    for hop_limit in (254, None):
        assert read_advertisement(advertisement(), hop_limit) is None
    for message in (advertisement(ICMPv6NDOptMTU()), advertisement()[:31], b"", bytes(32)):
        assert read_advertisement(message, 255) is None
    question = bytes(IPv6(src="::", dst="ff02::1") / ICMPv6ND_NS(tgt=str(VIP6)) / ICMPv6NDOptDstLLAddr())[40:]
    assert read_advertisement(question, 255) is None
    endless = advertisement()[:24] + b"\2\0" + bytes(6)
    assert read_advertisement(endless, 255) is None, "an option of no length"


def test_the_kernel_lets_in_what_is_about_the_addresses_and_nothing_else() -> None:
    for number in (1, 3, MANY + 1):
        addresses = [ip_address(int(VIP) + count) for count in range(number)]
        program = word_filter(last_words(addresses, 4), ARP_SENDER_AT)
        assert runs(program, arp())
        assert not runs(program, arp("198.51.100.7"))
    six = word_filter(last_words([VIP, VIP6], 6), ND_TARGET_END_AT)
    assert runs(six, advertisement())
    assert not runs(word_filter(last_words([VIP], 6), ND_TARGET_END_AT), advertisement())


def test_only_answers_pass_where_somebody_is_asked() -> None:
    program = word_filter(last_words([VIP], 4), ARP_SENDER_AT, ONLY_REPLIES)
    assert runs(program, arp(operation=2))
    assert not runs(program, arp())
    assert not runs(program, arp("198.51.100.7", operation=2))


def test_programs_of_many_addresses_fit_into_the_kernel() -> None:
    many = word_filter(frozenset(range(MANY)), ARP_SENDER_AT)
    assert len(many) * 8 < 20 << 10, "net.core.optmem_max before Linux 6.7"
    assert len(word_filter(frozenset(range(10 * MANY)), ARP_SENDER_AT)) < 10
