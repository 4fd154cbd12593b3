"""The kernel's packet filter, run by the kernel: on a pair of unix sockets. (The raw sockets: tests/netns.)"""

import ctypes
import socket
import struct

import pytest

from vipkeeper.engine.wire import vrid_filter
from vipkeeper.vrrp.packet import Family

SO_ATTACH_FILTER = 26


def passes(family: Family, vrids: set[int], packet: bytes) -> bool:
    steps = vrid_filter(family, frozenset(vrids))
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


def test_nothing_passes_before_there_is_a_router() -> None:
    assert not passes(Family.IPV6, set(), advert(51))


def test_all_255_vrids_fit_into_one_program() -> None:
    every = set(range(1, 256))
    assert passes(Family.IPV4, every, ip_header() + advert(255))
    assert len(vrid_filter(Family.IPV4, frozenset(every))) < 4096
