"""The wire. `rule_N` and `hostile_N` are the numbers of docs/conformance.md."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from vipkeeper.vrrp.advert import Remark
from vipkeeper.vrrp.packet import (
    Advert,
    ChecksumForm,
    Dropped,
    DropReason,
    Family,
    IPAddress,
    IPv4Datagram,
    decode,
    decode_ipv4,
    encode,
    parse_ipv4,
)

SOURCE = IPv4Address("192.0.2.1")
VIP = IPv4Address("192.0.2.10")
SOURCE6 = IPv6Address("fe80::10")
VIP6 = IPv6Address("fe80::100")
GROUP = Family.IPV4.group


def advert4(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "vrid": 51,
        "priority": 200,
        "interval_cs": 100,
        "addresses": [VIP],
        "source": SOURCE,
        **changes,
    }
    return encode(**fields)  # type: ignore[arg-type]


def advert6(*addresses: IPv6Address) -> bytes:
    return encode(vrid=51, priority=200, interval_cs=100, addresses=addresses or (VIP6,), source=SOURCE6)


def receive4(message: bytes, *, ttl: int | None = 255, **changes: object) -> Advert | Dropped:
    fields: dict[str, object] = {
        "family": Family.IPV4,
        "source": SOURCE,
        "destination": GROUP,
        "ttl": ttl,
        "vrids": {51},
        **changes,
    }
    return decode(message, **fields)  # type: ignore[arg-type]


def receive6(message: bytes, *, source: IPAddress = SOURCE6, ttl: int | None = 255) -> Advert | Dropped:
    return decode(message, family=Family.IPV6, source=source, destination=Family.IPV6.group, ttl=ttl, vrids={51})


def with_right_checksum(message: bytes, *, source: IPv4Address = SOURCE) -> bytes:
    """The message with the IPv4 pseudo-header checksum set, computed word by word (RFC 1071)."""
    blank = message[:6] + b"\0\0" + message[8:]
    covered = source.packed + GROUP.packed + struct.pack("!BBH", 0, 112, len(blank)) + blank
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return blank[:6] + struct.pack("!H", total ^ 0xFFFF) + blank[8:]


def patched(message: bytes, at: int, *values: int) -> bytes:
    return with_right_checksum(message[:at] + bytes(values) + message[at + len(values) :])


def reason(result: Advert | Dropped | IPv4Datagram) -> DropReason:
    assert isinstance(result, Dropped), result
    return result.reason


# ---- what is sent


@pytest.mark.rule(7, 12, 13, 14)
def test_the_sent_bytes_stand_as_the_rfc_draws_them() -> None:
    message = advert4(addresses=[VIP, IPv4Address("192.0.2.11")], interval_cs=0xABC)
    assert message[0] == 0x31
    assert message[1:4] == bytes([51, 200, 2])
    assert message[4:6] == bytes([0x0A, 0xBC])  # rule 13: the reserved nibble is 0
    assert message[8:] == VIP.packed + IPv4Address("192.0.2.11").packed
    assert with_right_checksum(message) == message


def test_rule_11_priority_zero_can_be_sent() -> None:
    assert advert4(priority=0)[2] == 0


def test_rule_15_the_message_only_checksum_is_that_of_a_public_vector() -> None:
    """From draft-cassen-vrrp-auth-hmac's test vectors."""
    message = encode(
        vrid=51,
        priority=200,
        interval_cs=100,
        addresses=[IPv4Address("192.0.2.100")],
        source=IPv4Address("198.51.100.10"),
        checksum_form=ChecksumForm.MESSAGE_ONLY,
    )
    assert message.hex() == "3133c80100644402c0000264"


def test_rule_16_the_ipv6_checksum_has_the_pseudo_header_of_rfc_8200() -> None:
    message = advert6()
    covered = SOURCE6.packed + Family.IPV6.group.packed + struct.pack("!IBBBB", 24, 0, 0, 0, 112) + message
    total = sum(struct.unpack(f"!{len(covered) // 2}H", covered))
    assert len(message) == 24
    assert total % 0xFFFF == 0


def test_rule_16_ipv6_knows_no_message_only_form() -> None:
    message = encode(
        vrid=51,
        priority=200,
        interval_cs=100,
        addresses=[VIP6],
        source=SOURCE6,
        checksum_form=ChecksumForm.MESSAGE_ONLY,
    )
    assert message == advert6()


def test_rule_18_a_link_local_address_goes_first_and_the_others_keep_their_order() -> None:
    first, second = IPv6Address("2001:db8::2"), IPv6Address("2001:db8::1")
    received = receive6(advert6(first, second, VIP6))
    assert isinstance(received, Advert)
    assert received.addresses == (VIP6, first, second)


def test_rule_20_ipv4_addresses_keep_their_order() -> None:
    addresses = (IPv4Address("192.0.2.12"), IPv4Address("169.254.0.1"), VIP)
    received = receive4(advert4(addresses=addresses))
    assert isinstance(received, Advert)
    assert received.addresses == addresses


# ---- what is accepted


@pytest.mark.parametrize("form", list(ChecksumForm))
def test_rule_15_hostile_15_both_checksum_forms_of_ipv4_are_accepted_and_told_apart(form: ChecksumForm) -> None:
    assert receive4(advert4(checksum_form=form)) == Advert(SOURCE, 51, 200, 100, (VIP,), form)


def test_an_ipv6_advert_is_accepted() -> None:
    assert receive6(advert6()) == Advert(SOURCE6, 51, 200, 100, (VIP6,))


@pytest.mark.parametrize("priority", [0, 1, 254, 255])
def test_every_priority_is_accepted_also_that_of_an_owner(priority: int) -> None:
    received = receive4(advert4(priority=priority))
    assert isinstance(received, Advert)
    assert received.priority == priority


def test_rule_35_hostile_25_the_reserved_nibble_is_ignored() -> None:
    received = receive4(patched(advert4(), 4, 0xF0, 0x64))
    assert isinstance(received, Advert)
    assert received.interval_cs == 100


@pytest.mark.parametrize("interval_cs", [1, 4095])
def test_rule_14_hostile_24_hostile_26_the_whole_range_of_intervals_is_accepted(interval_cs: int) -> None:
    received = receive4(advert4(interval_cs=interval_cs))
    assert isinstance(received, Advert)
    assert received.interval_cs == interval_cs


def test_rule_34_hostile_31_a_global_or_repeated_or_mapped_ipv6_address_is_no_error() -> None:
    """FRR and holo send a global address first."""
    addresses = (IPv6Address("2001:db8::1"), IPv6Address("2001:db8::1"), IPv6Address("::ffff:192.0.2.1"))
    received = receive6(advert6(*addresses))
    assert isinstance(received, Advert)
    assert received.addresses == addresses


def test_rule_39_hostile_32_any_address_list_is_accepted() -> None:
    addresses = (IPv4Address("198.51.100.7"), IPv4Address("203.0.113.9"))
    assert isinstance(receive4(advert4(addresses=addresses)), Advert)


def test_hostile_7_255_complete_ipv6_addresses_are_read() -> None:
    addresses = [IPv6Address(int(VIP6) + n) for n in range(255)]
    received = receive6(advert6(*addresses))
    assert isinstance(received, Advert)
    assert received.addresses == tuple(addresses)


# ---- what is dropped, and by what name


@pytest.mark.parametrize("ttl", [254, 1, 0, None])
def test_rule_25_hostile_16_a_ttl_that_is_not_255_or_not_told_is_dropped(ttl: int | None) -> None:
    assert reason(receive4(advert4(), ttl=ttl)) is DropReason.WRONG_TTL
    assert reason(receive6(advert6(), ttl=ttl)) is DropReason.WRONG_TTL


@pytest.mark.parametrize("version", [0, 1, 2, 4, 15])
def test_rule_26_hostile_11_hostile_12_another_version_is_dropped(version: int) -> None:
    assert reason(receive4(patched(advert4(), 0, version << 4 | 1))) is DropReason.WRONG_VERSION


@pytest.mark.parametrize("kind", [0, 2, 15])
def test_rule_27_hostile_13_another_type_is_dropped(kind: int) -> None:
    assert reason(receive4(patched(advert4(), 0, 0x30 | kind))) is DropReason.WRONG_TYPE


@pytest.mark.parametrize("length", range(12))
def test_rule_28_hostile_1_a_message_cut_off_anywhere_is_dropped(length: int) -> None:
    assert reason(receive4(advert4()[:length])) is DropReason.WRONG_LENGTH


@pytest.mark.parametrize(("count", "carried"), [(255, 1), (1, 255), (2, 1), (1, 2)])
def test_rule_21_hostile_5_hostile_6_count_and_addresses_must_agree(count: int, carried: int) -> None:
    message = patched(advert4(addresses=[VIP] * carried), 3, count)
    assert reason(receive4(message)) is DropReason.WRONG_LENGTH


def test_rule_19_rule_21_an_ipv4_list_in_an_ipv6_message_is_dropped() -> None:
    assert reason(receive6(advert4())) is DropReason.WRONG_LENGTH


@pytest.mark.parametrize(
    ("surplus", "guess"), [(8, "version 2"), (28, "HMAC trailer?"), (1, ""), (4, "")], ids=["v2", "hmac", "1", "4"]
)
def test_hostile_8_hostile_10_a_trailer_is_dropped_and_guessed_at(surplus: int, guess: str) -> None:
    result = receive4(advert4() + bytes(surplus))
    assert isinstance(result, Dropped)
    assert result.reason is DropReason.WRONG_LENGTH
    assert guess in result.detail
    assert guess or result.detail == f"{12 + surplus} bytes for 1 addresses"


@pytest.mark.parametrize("checksum", [0x0000, 0xFFFF, 0x1234])
def test_rule_29_hostile_14_a_wrong_checksum_is_dropped(checksum: int) -> None:
    message = advert4()
    assert checksum != int.from_bytes(message[6:8], "big")
    assert reason(receive4(message[:6] + checksum.to_bytes(2, "big") + message[8:])) is DropReason.WRONG_CHECKSUM
    message = advert6()
    assert reason(receive6(message[:6] + checksum.to_bytes(2, "big") + message[8:])) is DropReason.WRONG_CHECKSUM


def test_rule_29_the_pseudo_header_ties_an_advert_to_its_source() -> None:
    assert reason(receive4(advert4(), source=IPv4Address("192.0.2.2"))) is DropReason.WRONG_CHECKSUM


def test_rule_16_the_message_only_form_is_wrong_for_ipv6() -> None:
    message = advert6()
    blank = message[:6] + b"\0\0" + message[8:]
    total = sum(struct.unpack(f"!{len(blank) // 2}H", blank)) % 0xFFFF
    assert reason(receive6(blank[:6] + struct.pack("!H", 0xFFFF - total) + blank[8:])) is DropReason.WRONG_CHECKSUM


@pytest.mark.parametrize("vrid", [0, 50, 52, 255])
def test_rule_30_hostile_17_hostile_18_hostile_30_a_vrid_that_is_not_configured_here_is_dropped(vrid: int) -> None:
    assert reason(receive4(patched(advert4(), 1, vrid))) is DropReason.UNKNOWN_VRID


def test_rule_32_hostile_4_no_addresses_are_no_advert() -> None:
    assert reason(receive4(with_right_checksum(advert4()[:3] + b"\0" + advert4()[4:8]))) is DropReason.NO_ADDRESSES


@pytest.mark.parametrize("reserved", [0x00, 0xF0])
def test_rule_33_hostile_23_an_interval_of_zero_is_dropped(reserved: int) -> None:
    assert reason(receive4(patched(advert4(), 4, reserved, 0))) is DropReason.ZERO_INTERVAL


@pytest.mark.parametrize("source", ["0.0.0.0", "255.255.255.255", "224.0.0.18", "127.0.0.1"])
def test_hostile_27_an_ipv4_source_that_no_router_has_is_dropped(source: str) -> None:
    address = IPv4Address(source)
    assert reason(receive4(advert4(source=address), source=address)) is DropReason.WRONG_SOURCE


@pytest.mark.parametrize("source", ["::", "::1", "2001:db8::1", "ff02::12", "::ffff:192.0.2.1"])
def test_hostile_27_an_ipv6_source_that_is_not_link_local_is_dropped(source: str) -> None:
    assert reason(receive6(advert6(), source=IPv6Address(source))) is DropReason.WRONG_SOURCE


def test_hostile_27_our_own_address_is_a_conflict_or_a_loop() -> None:
    result = receive4(advert4(), own_addresses={SOURCE})
    assert result == Dropped(DropReason.OWN_SOURCE, "192.0.2.1: an address conflict or a loop", Remark.REFLECTED)


@pytest.mark.parametrize("destination", ["192.0.2.2", "224.0.0.1", "255.255.255.255"])
def test_hostile_29_a_destination_that_is_not_the_group_is_dropped(destination: str) -> None:
    assert reason(receive4(advert4(), destination=ip_address(destination))) is DropReason.WRONG_DESTINATION


# ---- the IPv4 header, which a raw socket delivers


def ipv4(payload: bytes, **changes: int) -> bytes:
    options = bytes([1] * changes.pop("options", 0))
    fields = {
        "ihl": 5 + len(options) // 4,
        "version": 4,
        "total_length": 20 + len(options) + len(payload),
        "fragment": 0,
        "ttl": 255,
        "protocol": 112,
        **changes,
    }
    first = fields["version"] << 4 | fields["ihl"]
    header = struct.pack(
        "!BBHHHBBH", first, 0xC0, fields["total_length"], 1, fields["fragment"], fields["ttl"], fields["protocol"], 0
    )
    return header + SOURCE.packed + GROUP.packed + options + payload


def test_an_ipv4_datagram_is_taken_apart() -> None:
    assert parse_ipv4(ipv4(b"12345678", ttl=17)) == IPv4Datagram(SOURCE, IPv4Address("224.0.0.18"), 17, b"12345678")


@pytest.mark.parametrize("options", [0, 4, 40])
def test_hostile_3_ip_options_are_skipped(options: int) -> None:
    assert isinstance(decode_ipv4(ipv4(advert4(), options=options), vrids={51}), Advert)


def test_hostile_2_ethernet_padding_behind_the_datagram_is_no_error() -> None:
    assert isinstance(decode_ipv4(ipv4(advert4()) + bytes(14), vrids={51}), Advert)


def test_the_do_not_fragment_bit_is_no_fragment() -> None:
    assert isinstance(decode_ipv4(ipv4(advert4(), fragment=0x4000), vrids={51}), Advert)


@pytest.mark.parametrize(
    ("packet", "dropped"),
    [
        pytest.param(b"", DropReason.BAD_HEADER, id="nothing"),
        pytest.param(ipv4(b"")[:19], DropReason.BAD_HEADER, id="cut_off_header"),
        pytest.param(ipv4(b""), DropReason.WRONG_LENGTH, id="hostile_1_no_payload"),
        pytest.param(ipv4(advert4(), version=6), DropReason.BAD_HEADER, id="not_version_4"),
        pytest.param(ipv4(advert4(), ihl=4), DropReason.BAD_HEADER, id="hostile_3_header_too_short"),
        pytest.param(ipv4(b"", ihl=15), DropReason.BAD_HEADER, id="hostile_3_header_beyond_the_packet"),
        pytest.param(ipv4(advert4(), total_length=33), DropReason.BAD_HEADER, id="hostile_2_more_than_came"),
        pytest.param(ipv4(advert4(), total_length=19), DropReason.BAD_HEADER, id="hostile_2_less_than_the_header"),
        pytest.param(ipv4(advert4(), total_length=31), DropReason.WRONG_LENGTH, id="hostile_2_less_than_the_advert"),
        pytest.param(ipv4(advert4(), fragment=0x2000), DropReason.FRAGMENT, id="hostile_34_first_fragment"),
        pytest.param(ipv4(advert4(), fragment=1), DropReason.FRAGMENT, id="hostile_34_last_fragment"),
        pytest.param(ipv4(advert4(), protocol=51), DropReason.WRONG_PROTOCOL, id="hostile_33_authentication_header"),
        pytest.param(ipv4(advert4(), protocol=1), DropReason.WRONG_PROTOCOL, id="hostile_34_icmp"),
        pytest.param(ipv4(advert4(), ttl=254), DropReason.WRONG_TTL, id="hostile_16_ttl"),
    ],
)
def test_a_datagram_that_is_no_advert_is_dropped_by_name(packet: bytes, dropped: DropReason) -> None:
    assert reason(decode_ipv4(packet, vrids={51})) is dropped


def test_hostile_27_reflection_is_seen_through_the_ipv4_header_too() -> None:
    assert reason(decode_ipv4(ipv4(advert4()), vrids={51}, own_addresses={SOURCE})) is DropReason.OWN_SOURCE
