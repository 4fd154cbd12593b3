"""The HMAC trailer of keepalived 2.4 (`auth_hmac`, draft-cassen-vrrp-auth-hmac), byte for byte.

Behind the message, of version 2 or 3, IPv4 or IPv6, multicast or unicast, stand 28 bytes:

    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |   Type (1)    |    Key ID     |           Reserved            |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                      Seconds since 1970                       |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |     Seconds / 65536           |            Counter            |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                HMAC-SHA256, its first 16 bytes                |

The HMAC covers family, version, VRID and source address, the message with its checksum as zero, and the trailer with
its HMAC as zero; not the destination, and not the rest of the IP header. The checksum of IPv4 does not cover the
trailer, that of IPv6 does.

Keys are exchanged without a gap in three steps: add the new one everywhere, make it the active one everywhere, remove
the old one. The trailer itself comes in by ReceiveOnly everywhere, then Permissive, then Enforce.

Law: cheap checks before the HMAC, and the memory of a sender moves only after it. `packet.py` knows an
`Authenticator` only as an argument.
"""

from __future__ import annotations

import struct
from _operator import _compare_digest as compare_digest  # hmac.compare_digest, without loading OpenSSL
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Address

from vipkeeper.vrrp.advert import Family, IPAddress
from vipkeeper.vrrp.checksum import pseudo_header, with_checksum
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.expected import TRAILER_BYTES
from vipkeeper.vrrp.hmac_sha256 import HmacKey
from vipkeeper.vrrp.sequence import ReplayMarks, Sequencer, is_within, sequence_of

_HMAC_SHA256_128 = 1  # the only type
_HMAC_BYTES = 16
_HEAD = struct.Struct("!BBHQ")  # type, key id, reserved, sequence number
_SYNTHETIC_HEADER = struct.Struct("!BBBx16s")  # family, version, VRID, source address
_MIN_KEY_BYTES, _MAX_KEY_BYTES = 32, 64


class HmacMode(StrEnum):
    """What is sent, and what is taken."""

    ENFORCE = "Enforce"
    """Sign; take nothing without a good trailer."""
    PERMISSIVE = "Permissive"
    """Sign; take also what has no trailer. What has one must be right."""
    RECEIVE_ONLY = "ReceiveOnly"
    """Do not sign; take what has no trailer. What has one must be right."""


class KeyRing:
    """The keys of one virtual router: by id those that are taken, and the one that signs."""

    __slots__ = ("_keys", "active_id")

    def __init__(self, keys: Mapping[int, bytes], active_id: int) -> None:
        for key_id, key in keys.items():
            if not 1 <= key_id <= 255:
                raise ValueError(f"key id {key_id} is not in 1..255")
            if not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
                raise ValueError(f"key {key_id} has {len(key)} bytes, not 32..64")
        if active_id not in keys:
            raise ValueError(f"there is no key {active_id} to sign with")
        self._keys = {key_id: HmacKey(key) for key_id, key in keys.items()}
        self.active_id = active_id

    def find(self, key_id: int) -> HmacKey | None:
        return self._keys.get(key_id)

    def hmac(self, key_id: int, data: bytes) -> bytes:
        """As it stands in the trailer."""
        return self._keys[key_id].digest(data)[:_HMAC_BYTES]


class Authenticator:
    """Signs and verifies for one virtual router. `keys`, `mode` and `window_ns` may change; the memory stays."""

    __slots__ = ("_marks", "_sequencer", "keys", "mode", "window_ns")

    def __init__(self, keys: KeyRing, mode: HmacMode, window_ns: int) -> None:
        self.keys = keys
        self.mode = mode
        self.window_ns = window_ns
        """How far the time of a trailer may be from ours (`replay_window_ns`)."""
        self._sequencer = Sequencer()
        self._marks = ReplayMarks()

    @property
    def demands_trailer(self) -> bool:
        return self.mode is HmacMode.ENFORCE

    def sign(self, message: bytes, source: IPAddress, destination: IPAddress, wall_ns: int) -> bytes:
        """`message` as it goes out: with a trailer, of the next number, unless the mode is ReceiveOnly."""
        if self.mode is HmacMode.RECEIVE_ONLY:
            return message
        key_id = self.keys.active_id
        head = _HEAD.pack(_HMAC_SHA256_128, key_id, 0, self._sequencer.next(wall_ns, self.window_ns))
        signed = message + head + self.keys.hmac(key_id, _covered(message, head, source))
        if isinstance(source, IPv4Address):
            return signed
        return with_checksum(signed, pseudo_header(source, destination, len(signed)))

    def verify(self, message: bytes, trailer: bytes, source: IPAddress, wall_ns: int) -> int | Dropped:
        """The id of the key that signed it. `message` is what stands before the trailer."""
        head = trailer[: _HEAD.size]
        kind, key_id, reserved, number = _HEAD.unpack(head)
        if kind != _HMAC_SHA256_128 or reserved or len(trailer) != TRAILER_BYTES:
            return Dropped(DropReason.MALFORMED_TRAILER, f"type {kind}, reserved {reserved}")
        if not is_within(number, sequence_of(wall_ns), self.window_ns):
            return Dropped(DropReason.STALE_TRAILER)
        if self.keys.find(key_id) is None:
            return Dropped(DropReason.UNKNOWN_KEY, f"key {key_id}")
        if not compare_digest(self.keys.hmac(key_id, _covered(message, head, source)), trailer[_HEAD.size :]):
            return Dropped(DropReason.WRONG_HMAC, f"key {key_id}")
        return self._marks.move(source, number, wall_ns, self.window_ns) or key_id


def _covered(message: bytes, head: bytes, source: IPAddress) -> bytes:
    """What the HMAC is made of."""
    header = _SYNTHETIC_HEADER.pack(Family(source.version), message[0] >> 4, message[1], source.packed)
    return header + message[:6] + b"\0\0" + message[8:] + head + bytes(_HMAC_BYTES)
