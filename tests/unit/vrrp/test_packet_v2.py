"""Version 2 (RFC 3768) on the wire; its interval must be ours, which version 3 forgives.

Covers operator/vipkeeper/vrrp/packet.py, which holds both.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from vipkeeper.vrrp.advert import Advert, ChecksumForm, Family, Remark, Version
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.packet import decode, encode

SOURCE = IPv4Address("192.0.2.1")
VIP, VIP2 = IPv4Address("192.0.2.10"), IPv4Address("192.0.2.11")
PASSWORD = SimpleText(b"s3cret")
TERMS = Expected(version=Version.V2, interval_cs=100, addresses=(VIP,), priority=90)


def sent(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "vrid": 51,
        "priority": 100,
        "interval_cs": 100,
        "addresses": [VIP],
        "source": SOURCE,
        "version": Version.V2,
        **changes,
    }
    return encode(**fields)  # type: ignore[arg-type]


def receive(message: bytes, terms: Expected = TERMS) -> Advert | Dropped:
    return decode(
        message,
        family=Family.IPV4,
        source=SOURCE,
        destination=Family.IPV4.group,
        ttl=255,
        vrids={51},
        expected={51: terms},
    )


def reason(result: Advert | Dropped) -> DropReason:
    assert isinstance(result, Dropped), result
    return result.reason


def patched(message: bytes, at: int, *values: int) -> bytes:
    """With a right checksum over the whole message, computed word by word (RFC 1071)."""
    message = message[:at] + bytes(values) + message[at + len(values) :]
    blank = message[:6] + b"\0\0" + message[8:]
    total = sum(struct.unpack(f"!{len(blank) // 2}H", blank))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return blank[:6] + struct.pack("!H", total ^ 0xFFFF) + blank[8:]


@pytest.mark.rule(7, 14, 21, 22)
def test_the_sent_bytes_stand_as_rfc_3768_draws_them() -> None:
    message = sent(interval_cs=300, addresses=[VIP, VIP2])
    assert message[:6] == bytes([0x21, 51, 100, 2, 0, 3])
    assert message[8:16] == VIP.packed + VIP2.packed
    assert message[16:] == bytes(8)


def test_the_password_stands_behind_the_addresses() -> None:
    message = sent(password=PASSWORD)
    assert message[4:6] == bytes([1, 1])
    assert message[12:] == b"s3cret\0\0"


@pytest.mark.rule(17)
@pytest.mark.parametrize("form", list(ChecksumForm))
def test_the_checksum_covers_the_whole_message_and_no_pseudo_header(form: ChecksumForm) -> None:
    message = sent(password=PASSWORD, checksum_form=form)
    assert patched(message, 0) == message


def test_what_is_sent_is_accepted() -> None:
    advert = Advert(SOURCE, 51, 100, 100, (VIP,), ChecksumForm.MESSAGE_ONLY, Version.V2)
    assert receive(sent()) == advert
    assert receive(sent(password=PASSWORD), replace(TERMS, password=PASSWORD)) == advert


@pytest.mark.rule(17)
def test_the_form_with_a_pseudo_header_is_wrong() -> None:
    covered = SOURCE.packed + Family.IPV4.group.packed + struct.pack("!BBH", 0, 112, 20)
    blank = sent()[:6] + b"\0\0" + sent()[8:]
    total = sum(struct.unpack("!16H", covered + blank)) % 0xFFFF
    message = blank[:6] + struct.pack("!H", 0xFFFF - total) + blank[8:]
    assert reason(receive(message)) is DropReason.WRONG_CHECKSUM


@pytest.mark.hostile(14)
@pytest.mark.parametrize("at", [2, 5, 8, 19])
def test_a_flipped_bit_is_a_wrong_checksum(at: int) -> None:
    message = bytearray(sent())
    message[at] ^= 1
    assert reason(receive(bytes(message))) is DropReason.WRONG_CHECKSUM


@pytest.mark.rule(26)
@pytest.mark.hostile(12)
def test_each_version_is_a_stranger_to_the_other() -> None:
    version_3 = sent(version=Version.V3)
    assert receive(version_3) == Dropped(DropReason.WRONG_VERSION, "version 3")
    assert receive(sent(), Expected()) == Dropped(DropReason.WRONG_VERSION, "version 2")


@pytest.mark.rule(21, 28)
@pytest.mark.hostile(9)
@pytest.mark.parametrize("length", [8, 10, 12, 14, 18])
def test_without_all_of_its_eight_last_bytes_it_is_too_short(length: int) -> None:
    assert reason(receive(patched(sent()[:length], 0))) is DropReason.WRONG_LENGTH


@pytest.mark.parametrize("surplus", [1, 8, 28])
def test_with_more_than_its_eight_last_bytes_it_is_too_long(surplus: int) -> None:
    assert reason(receive(sent() + bytes(surplus))) is DropReason.WRONG_LENGTH


@pytest.mark.rule(41)
@pytest.mark.hostile(33)
@pytest.mark.parametrize("auth_type", [1, 2, 9])
def test_another_authentication_type_is_refused(auth_type: int) -> None:
    assert reason(receive(patched(sent(), 4, auth_type))) is DropReason.WRONG_AUTHENTICATION


@pytest.mark.rule(41)
@pytest.mark.hostile(33)
@pytest.mark.parametrize("password", [None, SimpleText(b"S3cret"), SimpleText(b"s3cret2")])
def test_another_password_is_refused(password: SimpleText | None) -> None:
    refused = receive(sent(password=password), replace(TERMS, password=PASSWORD))
    assert reason(refused) is DropReason.WRONG_AUTHENTICATION


@pytest.mark.rule(22)
def test_authentication_data_of_type_0_is_ignored() -> None:
    assert isinstance(receive(patched(sent(), 12, *b"whatever")), Advert)


@pytest.mark.rule(38)
@pytest.mark.parametrize("interval_cs", [200, 25_500])
def test_another_interval_is_refused(interval_cs: int) -> None:
    assert receive(sent(interval_cs=interval_cs)) == Dropped(DropReason.WRONG_INTERVAL, f"{interval_cs} cs")


@pytest.mark.rule(33)
@pytest.mark.hostile(23)
def test_an_interval_of_zero_is_refused() -> None:
    assert reason(receive(patched(sent(), 5, 0))) is DropReason.ZERO_INTERVAL


@pytest.mark.rule(40)
@pytest.mark.hostile(32)
@pytest.mark.parametrize("addresses", [[VIP2], [VIP, VIP2]])
@pytest.mark.parametrize("priority", [0, 100, 254])
def test_other_addresses_are_remarked_on_and_accepted(priority: int, addresses: list[IPv4Address]) -> None:
    """Two routers that drop each other's adverts would both be Active."""
    advert = receive(sent(priority=priority, addresses=addresses))
    assert isinstance(advert, Advert)
    assert advert.remarks == {Remark.OTHER_ADDRESSES}


@pytest.mark.hostile(32)
def test_another_order_is_remarked_on_and_accepted() -> None:
    advert = receive(sent(addresses=[VIP2, VIP]), replace(TERMS, addresses=(VIP, VIP2)))
    assert isinstance(advert, Advert)
    assert advert.remarks == {Remark.OTHER_ADDRESSES}


@pytest.mark.rule(32)
@pytest.mark.hostile(4)
def test_no_addresses_are_no_advert() -> None:
    message = sent()
    assert reason(receive(patched(message[:8] + message[12:], 3, 0))) is DropReason.NO_ADDRESSES
