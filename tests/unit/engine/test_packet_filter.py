"""Packet filters, run by the kernel. (IPv6 headers, which these packets do not have: test_wire.py.)"""

from __future__ import annotations

import socket
from collections.abc import Set
from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP

from vipkeeper.engine.packet_filter import (
    MAX_STEPS,
    Likeness,
    Program,
    attach,
    likeness_ipv4,
    likeness_ipv6,
    news_filter,
    other_vrids_filter,
    quiet_filter,
    vrid_filter,
)
from vipkeeper.vrrp.packet import Family


def runs(program: Program, packet: bytes) -> bool:
    """Whether it comes through, as the kernel has it."""
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        attach(receiver, program)
        receiver.setblocking(False)
        sender.setblocking(False)
        try:
            sender.send(packet)
            return receiver.recv(65536) == packet
        except OSError:
            return False


def passes(family: Family, vrids: Set[int], packet: bytes) -> bool:
    """Whether it comes through the filter for `vrids`."""
    return runs(vrid_filter(family, vrids), packet)


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
    [advert(52), advert(0), advert(51, 0x30), advert(51, 0x32), advert(51, 0x41), b"", b"\x31"],
    ids=["another VRID", "VRID 0", "type 0", "type 2", "version 4", "empty", "one byte"],
)
def test_strangers_do_not(packet: bytes) -> None:
    assert not passes(Family.IPV6, {51}, packet)
    assert not passes(Family.IPV4, {51}, ip_header() + packet)


@pytest.mark.parametrize("vrid", range(1, 256, 127))
def test_each_vrid_passes_in_the_versions_of_its_family(vrid: int) -> None:
    assert passes(Family.IPV4, {vrid}, ip_header() + advert(vrid, 0x21)), "it is refused where it can be told"
    assert passes(Family.IPV4, {vrid}, ip_header() + advert(vrid, 0x31))
    assert not passes(Family.IPV4, {vrid}, ip_header() + advert(vrid, 0x22))
    assert not passes(Family.IPV6, {vrid}, advert(vrid, 0x21)), "version 2 has no IPv6"


@pytest.mark.parametrize("family", Family)
def test_the_others_pass_where_it_is_they_who_are_wanted(family: Family) -> None:
    header = ip_header() if family is Family.IPV4 else b""
    program = other_vrids_filter(family, {51, 255})
    assert runs(program, header + advert(52))
    assert runs(program, header + advert(52, 0x21)) is (family is Family.IPV4)
    for none in (advert(51), advert(255), advert(0), advert(52, 0x32)):
        assert not runs(program, header + none)
    assert not runs(other_vrids_filter(family, set(range(256))), header + advert(52))


def test_nothing_passes_before_there_is_a_router() -> None:
    assert not passes(Family.IPV6, set(), advert(51))


def test_all_255_vrids_fit_into_one_program() -> None:
    every = set(range(1, 256))
    assert passes(Family.IPV4, every, ip_header() + advert(255))
    assert len(vrid_filter(Family.IPV4, every)) < 4096


def quiet(*packets: bytes) -> dict[int, Likeness]:
    found = {}
    for packet in packets:
        likeness = likeness_ipv4(packet)
        assert likeness is not None
        found[packet[21]] = likeness
    return found


def packet(vrid: int, source: str = "192.0.2.2", addresses: int = 1, **header: int) -> bytes:
    message = bytes((0x31, vrid, 100, addresses, 0, 25, 0x12, 0x34)) + bytes(n % 256 for n in range(4 * addresses))
    return bytes(IP(src=source, dst="224.0.0.18", proto=112, **{"ttl": 255, **header}) / message)


KNOWN = [packet(51), packet(52, addresses=20), packet(53, "192.0.2.3"), packet(54, "192.0.2.3", addresses=2)]
VRIDS = frozenset((51, 52, 53, 54, 55))


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: f"VRID {known[21]}")
def test_what_is_quiet_is_no_news_whatever_its_identification(known: bytes) -> None:
    programs = quiet_filter(Family.IPV4, quiet(*KNOWN)), news_filter(Family.IPV4, VRIDS, quiet(*KNOWN))
    another = known[:4] + b"\xab\xcd" + known[6:10] + b"\0\0" + known[12:]
    for same in (known, another):
        assert [runs(program, same) for program in programs] == [True, False]
    for at in (*range(4), *range(8, 10), *range(12, 16), *range(20, len(known))):
        other = known[:at] + bytes((known[at] ^ 1,)) + known[at + 1 :]
        assert not runs(programs[0], other), f"byte {at}"
    assert [runs(program, packet(55)) for program in programs] == [False, True]
    assert [runs(program, packet(51)[:24]) for program in programs] == [False, True], "too short, and news"


def test_what_is_like_no_advert_is_never_quiet() -> None:
    assert likeness_ipv4(b"\x46" + packet(51)[1:]) is None, "IP options"
    assert likeness_ipv4(packet(51) + b"\0") is None
    assert likeness_ipv4(packet(51, addresses=120)) is None
    assert likeness_ipv6(advert(51) + b"\0", ip_address("fe80::2"), 255) is None  # type: ignore[arg-type]


def test_all_255_vrids_of_one_address_fit_into_one_program() -> None:
    every = [packet(vrid, f"192.0.2.{vrid % 7 + 1}") for vrid in range(1, 256)]
    program = news_filter(Family.IPV4, frozenset(range(1, 256)), quiet(*every))
    assert len(program) <= MAX_STEPS
    assert not any(runs(program, known) for known in every[::50])
