"""operator/vipkeeper/peering/messages.py"""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipkeeper.peering.envelope import MAX_BODY_BYTES
from vipkeeper.peering.messages import (
    Challenge,
    Entry,
    Flag,
    Hello,
    Kind,
    PeerState,
    RouterName,
    Said,
    Unreadable,
    decode,
    encode_entry,
    encode_hellos,
    encode_said,
)
from vipkeeper.vrrp.state import HandoverRefusal

V4 = Entry(
    RouterName(51, ip_address("192.0.2.10")), PeerState.ACTIVE, 200, 25, ip_address("192.0.2.1"), Flag.HEARS_SEGMENT
)
V6 = Entry(RouterName(51, ip_address("2001:db8::10")), PeerState.BACKUP, 1, 4095, ip_address("fe80::1"), Flag.ILL)
ABSENT = Entry(RouterName(7, ip_address("192.0.2.10")), PeerState.ABSENT)


@pytest.mark.parametrize("entry", [V4, V6, ABSENT])
def test_what_is_said_arrives(entry: Entry) -> None:
    for said in (
        Said(Kind.ASK, entry, 0xFFFFFFFF),
        Said(Kind.REFUSED, entry, 7, HandoverRefusal.ILL),
        Said(Kind.WANT, entry),
    ):
        assert decode(said.kind, encode_said(said)) == said
    assert decode(Kind.CHALLENGE, b"") == Challenge()


def test_a_hello_has_all_routers_in_as_many_datagrams_as_it_takes() -> None:
    entries = [Entry(RouterName(number, ip_address("2001:db8::10")), PeerState.BACKUP) for number in range(1, 201)]
    bodies = list(encode_hellos(map(encode_entry, entries), wants_answer=True))
    assert all(len(body) <= MAX_BODY_BYTES for body in bodies)
    heard = [decode(Kind.HELLO, body) for body in bodies]
    assert [entry for hello in heard if isinstance(hello, Hello) for entry in hello.entries] == entries
    assert all(isinstance(hello, Hello) and hello.wants_answer for hello in heard)


def test_a_hello_without_routers_is_one_all_the_same() -> None:
    assert [decode(Kind.HELLO, body) for body in encode_hellos([])] == [Hello(())]


def test_bits_and_codes_that_are_not_known_yet_are_passed_over() -> None:
    body = bytearray(encode_said(Said(Kind.REFUSED, V4, 1, HandoverRefusal.ILL)))
    body[4] = 200
    body[12] |= 0x80
    assert decode(Kind.REFUSED, bytes(body)) == Said(Kind.REFUSED, V4, 1, None)


@given(st.integers(0, 255), st.binary(max_size=80))
def test_nothing_that_can_arrive_breaks_the_decoder(kind: int, body: bytes) -> None:
    try:
        decode(kind, body)
    except Unreadable:
        pass


@pytest.mark.parametrize("length", range(len(encode_said(Said(Kind.ASK, V6)))))
def test_what_is_cut_off_is_not_read(length: int) -> None:
    with pytest.raises(Unreadable):
        decode(Kind.ASK, encode_said(Said(Kind.ASK, V6))[:length])
