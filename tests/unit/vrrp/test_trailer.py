"""The HMAC trailer, through `decode` where it is received. Two vectors are public: draft-cassen-vrrp-auth-hmac."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from vipkeeper.vrrp.advert import Advert, ChecksumForm, Family, IPAddress, Version
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import decode, encode
from vipkeeper.vrrp.sequence import replay_window_ns
from vipkeeper.vrrp.trailer import Authenticator, HmacMode, KeyRing
from vipkeeper.vrrp.transport import MULTICAST, Unicast

S = 1_000_000_000
KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 96))
NOW_NS = 0x68000000 * S + S // 2
SOURCE, VIP = IPv4Address("198.51.100.10"), IPv4Address("192.0.2.100")
SOURCE6, VIP6, DESTINATION6 = IPv6Address("fe80::10"), IPv6Address("fe80::100"), IPv6Address("fe80::20")

VECTOR4 = bytes.fromhex("3133c80100644402c0000264" + "010100006800000080000000" + "1b84bc4e8e43892dc6d98448f8ee2265")
VECTOR6 = bytes.fromhex(
    "3133c8010064a2e9fe800000000000000000000000000100" + "010100006800000080000000" + "c8c56146ebfd66ee10ec4d8186461b78"
)


def authenticator(
    keys: dict[int, bytes] | None = None, active_id: int = 1, mode: HmacMode = HmacMode.ENFORCE
) -> Authenticator:
    return Authenticator(KeyRing(keys or {1: KEY}, active_id), mode, replay_window_ns(100))


def receive(
    message: bytes,
    auth: Authenticator | None,
    *,
    source: IPAddress = SOURCE,
    wall_ns: int = NOW_NS,
    terms: Expected | None = None,
) -> Advert | Dropped:
    """By a router of these `terms` (version 3, multicast), with the authenticator put in."""
    return decode(
        message,
        family=Family(source.version),
        source=source,
        destination=DESTINATION6 if source.version == 6 else Family.IPV4.group,
        ttl=255,
        vrids={51},
        own_addresses={DESTINATION6},
        expected={51: replace(terms or Expected(), authenticator=auth)},
        wall_ns=wall_ns,
    )


def receive6(message: bytes, auth: Authenticator | None) -> Advert | Dropped:
    return receive(message, auth, source=SOURCE6, terms=Expected(transport=Unicast(frozenset({SOURCE6}))))


def reason(result: Advert | Dropped) -> DropReason:
    assert isinstance(result, Dropped), result
    return result.reason


def unsigned(priority: int = 200) -> bytes:
    return encode(
        vrid=51,
        priority=priority,
        interval_cs=100,
        addresses=[VIP],
        source=SOURCE,
        checksum_form=ChecksumForm.MESSAGE_ONLY,
    )


def signed(auth: Authenticator, wall_ns: int = NOW_NS, *, source: IPAddress = SOURCE, priority: int = 200) -> bytes:
    return auth.sign(unsigned(priority), source, Family.IPV4.group, wall_ns)


# ---- the public vectors


def test_the_ipv4_vector_is_what_we_send() -> None:
    assert signed(authenticator()) == VECTOR4


def test_the_ipv6_vector_is_what_we_send() -> None:
    """Its checksum is that of a unicast message, and covers the trailer."""
    message = encode(vrid=51, priority=200, interval_cs=100, addresses=[VIP6], source=SOURCE6)
    assert authenticator().sign(message, SOURCE6, DESTINATION6, NOW_NS) == VECTOR6


def test_the_ipv4_vector_is_accepted() -> None:
    advert = receive(VECTOR4, authenticator())
    assert advert == Advert(SOURCE, 51, 200, 100, (VIP,), ChecksumForm.MESSAGE_ONLY, key_id=1)


def test_the_ipv6_vector_is_accepted() -> None:
    assert receive6(VECTOR6, authenticator()) == Advert(SOURCE6, 51, 200, 100, (VIP6,), key_id=1)


@pytest.mark.parametrize("bit", range(8 * len(VECTOR4)))
def test_no_flipped_bit_of_the_ipv4_vector_passes(bit: int) -> None:
    """Whoever can forge must set the checksum right: only what the HMAC covers is flipped under a right checksum."""
    flipped = bytearray(VECTOR4)
    flipped[bit // 8] ^= 1 << bit % 8
    assert isinstance(receive(bytes(flipped), authenticator()), Dropped)
    if bit // 8 not in (6, 7):
        auth = authenticator()
        message, trailer = bytes(flipped[:12]), bytes(flipped[12:])
        assert isinstance(auth.verify(message, trailer, SOURCE, NOW_NS), Dropped)


@pytest.mark.parametrize("bit", range(8 * len(VECTOR6)))
def test_no_flipped_bit_of_the_ipv6_vector_passes(bit: int) -> None:
    flipped = bytearray(VECTOR6)
    flipped[bit // 8] ^= 1 << bit % 8
    assert isinstance(receive6(bytes(flipped), authenticator()), Dropped)
    if bit // 8 not in (6, 7):
        message, trailer = bytes(flipped[:24]), bytes(flipped[24:])
        assert isinstance(authenticator().verify(message, trailer, SOURCE6, NOW_NS), Dropped)


def test_the_checksum_is_not_under_the_hmac() -> None:
    assert authenticator().verify(VECTOR4[:6] + b"\x12\x34" + VECTOR4[8:12], VECTOR4[12:], SOURCE, NOW_NS) == 1
    assert reason(receive(VECTOR4[:6] + b"\x12\x34" + VECTOR4[8:], authenticator())) is DropReason.WRONG_CHECKSUM


# ---- every form it goes with


@pytest.mark.parametrize("form", list(ChecksumForm))
def test_both_checksum_forms_of_ipv4_leave_the_trailer_out(form: ChecksumForm) -> None:
    message = encode(vrid=51, priority=9, interval_cs=100, addresses=[VIP], source=SOURCE, checksum_form=form)
    sent = authenticator().sign(message, SOURCE, Family.IPV4.group, NOW_NS)
    assert sent[:12] == message
    assert receive(sent, authenticator()) == Advert(SOURCE, 51, 9, 100, (VIP,), form, key_id=1)


@pytest.mark.parametrize("password", [None, SimpleText(b"secret")])
def test_version_2_is_signed_with_its_authentication_data(password: SimpleText | None) -> None:
    message = encode(
        vrid=51,
        priority=9,
        interval_cs=300,
        addresses=[VIP],
        source=SOURCE,
        version=Version.V2,
        password=password,
    )
    sent = authenticator().sign(message, SOURCE, Family.IPV4.group, NOW_NS)
    assert len(sent) == 8 + 4 + 8 + 28
    terms = Expected(version=Version.V2, interval_cs=300, addresses=(VIP,), password=password)
    advert = receive(sent, authenticator(), terms=terms)
    assert advert == Advert(SOURCE, 51, 9, 300, (VIP,), ChecksumForm.MESSAGE_ONLY, Version.V2, key_id=1)
    sent = sent[:13] + bytes([sent[13] ^ 1]) + sent[14:]  # in the authentication data
    assert isinstance(receive(sent, authenticator(), terms=terms), Dropped)


def test_ipv6_multicast_is_signed_with_its_checksum() -> None:
    message = encode(vrid=51, priority=9, interval_cs=100, addresses=[VIP6], source=SOURCE6)
    sent = authenticator().sign(message, SOURCE6, Family.IPV6.group, NOW_NS)
    advert = decode(
        sent,
        family=Family.IPV6,
        source=SOURCE6,
        destination=Family.IPV6.group,
        ttl=255,
        vrids={51},
        expected={51: Expected(transport=MULTICAST, authenticator=authenticator())},
        wall_ns=NOW_NS,
    )
    assert advert == Advert(SOURCE6, 51, 9, 100, (VIP6,), key_id=1)


def test_the_source_is_under_the_hmac() -> None:
    other = IPv4Address("198.51.100.11")
    assert reason(receive(VECTOR4, authenticator(), source=other)) is DropReason.WRONG_HMAC


# ---- what is refused, in the order of the checks


def altered(trailer: dict[int, int]) -> bytes:
    message = bytearray(VECTOR4)
    for at, value in trailer.items():
        message[12 + at] = value
    return bytes(message)


@pytest.mark.parametrize(
    ("message", "late_ns", "refused"),
    [
        pytest.param(VECTOR4[:12], 0, DropReason.NO_TRAILER, id="no_trailer"),
        pytest.param(altered({0: 2, 1: 9, 4: 0, 20: 0}), 0, DropReason.MALFORMED_TRAILER, id="type_before_all"),
        pytest.param(altered({2: 1, 1: 9, 4: 0, 20: 0}), 0, DropReason.MALFORMED_TRAILER, id="reserved_before_time"),
        pytest.param(altered({1: 9, 20: 0}), 6 * S, DropReason.STALE_TRAILER, id="time_before_key"),
        pytest.param(altered({1: 9, 20: 0}), 0, DropReason.UNKNOWN_KEY, id="key_before_hmac"),
        pytest.param(altered({20: 0}), 0, DropReason.WRONG_HMAC, id="hmac"),
    ],
)
def test_a_bad_trailer_is_refused_by_the_first_check_that_it_fails(
    message: bytes, late_ns: int, refused: DropReason
) -> None:
    assert reason(receive(message, authenticator(), wall_ns=NOW_NS + late_ns)) is refused


@pytest.mark.parametrize("off_ns", [5 * S, -5 * S, 0])
def test_a_clock_may_be_off_by_the_window(off_ns: int) -> None:
    assert isinstance(receive(VECTOR4, authenticator(), wall_ns=NOW_NS + off_ns), Advert)


@pytest.mark.parametrize("off_ns", [5 * S + 20_000, -5 * S - 20_000, 3600 * S, -3600 * S, -NOW_NS])
def test_a_clock_that_is_off_by_more_makes_it_stale(off_ns: int) -> None:
    assert reason(receive(VECTOR4, authenticator(), wall_ns=NOW_NS + off_ns)) is DropReason.STALE_TRAILER


def test_who_does_not_tell_the_time_gets_nothing() -> None:
    expected = {51: Expected(authenticator=authenticator())}
    result = decode(
        VECTOR4,
        family=Family.IPV4,
        source=SOURCE,
        destination=Family.IPV4.group,
        ttl=255,
        vrids={51},
        expected=expected,
    )
    assert reason(result) is DropReason.STALE_TRAILER


def test_hostile_35_a_replay_is_refused() -> None:
    auth = authenticator()
    assert isinstance(receive(VECTOR4, auth), Advert)
    assert reason(receive(VECTOR4, auth)) is DropReason.REPLAYED
    assert reason(receive(VECTOR4, auth, wall_ns=NOW_NS + 4 * S)) is DropReason.REPLAYED
    assert reason(receive(VECTOR4, auth, wall_ns=NOW_NS + 6 * S)) is DropReason.STALE_TRAILER


def test_adverts_in_a_row_are_all_accepted_also_at_one_instant() -> None:
    sender, receiver = authenticator(), authenticator()
    for wall_ns in (NOW_NS, NOW_NS, NOW_NS, NOW_NS + S, NOW_NS + S // 2):
        assert isinstance(receive(signed(sender, wall_ns), receiver, wall_ns=wall_ns), Advert)


def test_an_older_number_after_a_newer_one_is_a_replay() -> None:
    sender, receiver = authenticator(), authenticator()
    first, second = signed(sender), signed(sender)
    assert isinstance(receive(second, receiver), Advert)
    assert reason(receive(first, receiver)) is DropReason.REPLAYED


@pytest.mark.rule(36)
def test_a_forged_number_moves_no_mark() -> None:
    receiver = authenticator()
    assert reason(receive(altered({11: 0xFF}), receiver)) is DropReason.WRONG_HMAC
    assert isinstance(receive(VECTOR4, receiver), Advert)


def test_two_senders_do_not_disturb_each_other() -> None:
    receiver = authenticator()
    other = IPv4Address("198.51.100.11")
    assert isinstance(receive(signed(authenticator(), NOW_NS + S), receiver, wall_ns=NOW_NS), Advert)
    assert isinstance(receive(signed(authenticator(), source=other), receiver, source=other), Advert)


@pytest.mark.rule(36)
def test_a_refused_advert_moves_no_mark() -> None:
    """What is wrong with version 2's interval is found before the HMAC is looked at."""
    sender, receiver = authenticator(), authenticator()
    message = encode(vrid=51, priority=9, interval_cs=300, addresses=[VIP], source=SOURCE, version=Version.V2)
    sent = sender.sign(message, SOURCE, Family.IPV4.group, NOW_NS)
    terms = Expected(version=Version.V2, interval_cs=200, addresses=(VIP,))
    assert reason(receive(sent, receiver, terms=terms)) is DropReason.WRONG_INTERVAL
    assert isinstance(receive(sent, receiver, terms=replace(terms, interval_cs=300)), Advert)


# ---- keys and modes


def test_keys_are_exchanged_without_a_gap() -> None:
    """Add the new one everywhere, sign with it everywhere, remove the old one."""
    old, both = {1: KEY}, {1: KEY, 2: OTHER_KEY}
    sender, receiver = authenticator(old), authenticator(old)
    steps = [(old, 1, both, 1), (both, 1, both, 2), (both, 2, both, 2), (both, 2, {2: OTHER_KEY}, 2)]
    seen = []
    for sending, active_id, receiving, other_id in steps:
        sender.keys, receiver.keys = KeyRing(sending, active_id), KeyRing(receiving, other_id)
        advert = receive(signed(sender), receiver)
        assert isinstance(advert, Advert)
        seen.append(advert.key_id)
    assert seen == [1, 1, 2, 2]
    sender.keys = KeyRing(old, 1)
    assert reason(receive(signed(sender), receiver)) is DropReason.UNKNOWN_KEY


def test_new_keys_do_not_make_a_replay_good() -> None:
    receiver = authenticator()
    assert isinstance(receive(VECTOR4, receiver), Advert)
    receiver.keys = KeyRing({1: KEY, 2: OTHER_KEY}, 2)
    assert reason(receive(VECTOR4, receiver)) is DropReason.REPLAYED


@pytest.mark.parametrize(
    ("mode", "signs", "takes_unsigned"),
    [
        (HmacMode.ENFORCE, True, False),
        (HmacMode.PERMISSIVE, True, True),
        (HmacMode.RECEIVE_ONLY, False, True),
    ],
)
def test_each_mode_signs_and_demands_what_it_says(mode: HmacMode, signs: bool, takes_unsigned: bool) -> None:
    assert signed(authenticator(mode=mode)) == (VECTOR4 if signs else unsigned())
    result = receive(unsigned(), authenticator(mode=mode))
    assert isinstance(result, Advert) == takes_unsigned
    if isinstance(result, Advert):
        assert result.key_id is None
    assert isinstance(receive(VECTOR4, authenticator(mode=mode)), Advert)
    assert reason(receive(altered({20: 0}), authenticator(mode=mode))) is DropReason.WRONG_HMAC


def test_hostile_10_a_trailer_is_too_long_for_who_has_no_keys() -> None:
    assert reason(receive(VECTOR4, None)) is DropReason.WRONG_LENGTH


@pytest.mark.parametrize("surplus", [1, 8, 27, 29, 56])
def test_hostile_10_what_is_neither_a_message_nor_one_with_a_trailer_has_a_wrong_length(surplus: int) -> None:
    message = (VECTOR4 + VECTOR4)[: 12 + surplus]
    for mode in HmacMode:
        assert reason(receive(message, authenticator(mode=mode))) is DropReason.WRONG_LENGTH


@pytest.mark.parametrize(
    ("keys", "active_id", "said"),
    [
        ({0: KEY}, 0, "key id 0 is not in 1..255"),
        ({256: KEY}, 256, "key id 256 is not in 1..255"),
        ({1: KEY[:31]}, 1, "key 1 has 31 bytes, not 32..64"),
        ({1: bytes(65)}, 1, "key 1 has 65 bytes, not 32..64"),
        ({1: KEY}, 2, "there is no key 2 to sign with"),
    ],
)
def test_keys_that_the_trailer_does_not_know_are_refused(keys: dict[int, bytes], active_id: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KeyRing(keys, active_id)
