"""operator/vipkeeper/peering/envelope.py"""

from __future__ import annotations

import hmac

import pytest

from vipkeeper.peering.envelope import MAX_BODY_BYTES, Envelope, Refusal, node_id, seal, sender_of, unseal
from vipkeeper.peering.keys import read_keys

KEY = b"a key for the tests only"
KEYS = read_keys(KEY)
ENVELOPE = Envelope(3, node_id("one"), node_id("two"), b"session.", 7, b"my chal.", b"its own.", b"body")


def test_what_was_sealed_is_unsealed() -> None:
    data = seal(ENVELOPE, KEYS)
    assert unseal(data, KEYS) == ENVELOPE
    assert sender_of(data) == node_id("one") != node_id("two")


def test_the_tag_is_that_of_the_standard_library() -> None:
    data = seal(ENVELOPE, KEYS)
    assert data[-16:] == hmac.digest(KEY, data[:-16], "sha256")[:16]


def test_no_byte_of_it_can_be_changed() -> None:
    data = seal(ENVELOPE, KEYS)
    for place in range(len(data)):
        forged = data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]
        assert isinstance(unseal(forged, KEYS), Refusal), place
    assert unseal(data[:-1], KEYS) is Refusal.WRONG_TAG


@pytest.mark.parametrize("data", [b"", b"vk", bytes(71), bytes(72), b"vk\x02" + bytes(100), bytes(3000)])
def test_what_is_of_no_such_form_costs_no_signature(data: bytes) -> None:
    assert unseal(data, KEYS) is Refusal.WRONG_FORM


def test_an_unknown_key_is_told_apart_from_a_forged_message() -> None:
    assert unseal(seal(ENVELOPE, read_keys(b"the key of somebody else")), KEYS) is Refusal.UNKNOWN_KEY


def test_while_keys_are_changed_both_are_understood() -> None:
    new = b"the key that comes next"
    both, swapped = read_keys(KEY + b"\n" + new), read_keys(new + b"\n" + KEY)
    assert unseal(seal(ENVELOPE, KEYS), swapped) == ENVELOPE
    assert unseal(seal(ENVELOPE, swapped), both) == ENVELOPE
    assert unseal(seal(ENVELOPE, swapped), KEYS) is Refusal.UNKNOWN_KEY


def test_a_body_must_fit_into_a_datagram() -> None:
    with pytest.raises(ValueError, match="longer than"):
        seal(Envelope(1, b"", b"", b"", 1, b"", b"", bytes(MAX_BODY_BYTES + 1)), KEYS)
