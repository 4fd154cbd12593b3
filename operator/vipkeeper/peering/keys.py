"""The shared keys of the engines: the first one signs, all of them verify.

The text of a key file (or of the Secret): one key in a line, 16 to 64 bytes; empty lines and those that begin with `#`
do not count. A key needs no number: the four bytes that name it in a message are made from it. To change keys without
a gap: add the new one below the old one everywhere, then swap them everywhere, then take the old one away.
"""

from __future__ import annotations

from dataclasses import dataclass

from vipkeeper.vrrp.hmac_sha256 import BLOCK_BYTES, HmacKey

MIN_KEY_BYTES = 16
MAX_KEYS = 8
TAG_BYTES = 16
"""Of HMAC-SHA256, truncated to 128 bits (RFC 2104 §5: not less than half)."""
KEY_ID_BYTES = 4
_NAME_OF_KEY = b"vipkeeper: name of a key"


class BadKeys(ValueError):
    """Why a text is no list of keys. Never with a key in it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    key_id: bytes
    key: HmacKey

    def tag(self, data: bytes) -> bytes:
        return self.key.digest(data)[:TAG_BYTES]


@dataclass(frozen=True, slots=True)
class PeerKeys:
    signing: SigningKey
    verifying: dict[bytes, SigningKey]
    """By key id, the signing one among them."""


def read_keys(text: bytes) -> PeerKeys:
    """Raises BadKeys."""
    keys = [_key(number, line) for number, line in enumerate(text.splitlines(), 1) if _counts(line)]
    if not keys:
        raise BadKeys("there is no key in it")
    if len(keys) > MAX_KEYS:
        raise BadKeys(f"there are {len(keys)} keys in it, and {MAX_KEYS} are the most")
    return PeerKeys(keys[0], {key.key_id: key for key in keys})


def _counts(line: bytes) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(b"#")


def _key(number: int, line: bytes) -> SigningKey:
    value = line.strip()
    if not MIN_KEY_BYTES <= len(value) <= BLOCK_BYTES:
        raise BadKeys(f"line {number} has {len(value)} bytes, not {MIN_KEY_BYTES} to {BLOCK_BYTES}")
    key = HmacKey(value)
    return SigningKey(key.digest(_NAME_OF_KEY)[:KEY_ID_BYTES], key)
