"""The bytes around every message between engines: who says it to whom, with which key, and how fresh it is.

     0  "vk", version 1, kind         kind: a value of `messages.Kind`
     4  key id                        4 bytes, made from the key
     8  sender, 16 receiver           8 bytes each, made from the name of the node
    24  session                       8 bytes, drawn when the sender's engine started
    32  sequence                      8 bytes, counts up in a session, for all receivers together
    40  challenge                     8 bytes: what the receiver must echo to open a new session
    48  echo                          8 bytes: the receiver's challenge, as last seen by the sender
    56  body                          at most MAX_BODY_BYTES
        tag                           16 bytes: HMAC-SHA256 over everything before it, truncated

Nothing in it is secret, everything is signed. What is wrong with a datagram has a name; nothing is learned from it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import StrEnum

from vipkeeper.peering.keys import TAG_BYTES, PeerKeys
from vipkeeper.vrrp.hmac_sha256 import HmacKey

MAGIC = b"vk"
VERSION = 1
MAX_BODY_BYTES = 1200
"""So that a datagram fits every link that IPv6 may use (1280 bytes)."""
_HEADER = struct.Struct("!2sBB4s8s8s8sQ8s8s")
MIN_BYTES = _HEADER.size + TAG_BYTES
MAX_BYTES = MIN_BYTES + MAX_BODY_BYTES
_NAMES = HmacKey(b"vipkeeper: name of a node")


class Refusal(StrEnum):
    """Why a datagram is not taken. Counted by this name."""

    WRONG_FORM = "WrongForm"
    """Too short or too long, another protocol, or another version of this one."""
    UNKNOWN_PEER = "UnknownPeer"
    """Its sender is none of the configured peers, or it is for somebody else."""
    UNKNOWN_KEY = "UnknownKey"
    WRONG_TAG = "WrongTag"
    NOT_FRESH = "NotFresh"
    """Of a session that we do not know, without our challenge: the sender is told it, and says it again."""
    REPLAYED = "Replayed"
    UNREADABLE = "Unreadable"
    """Signed by a peer, and yet not to be understood: another release, or a defect."""


@dataclass(frozen=True, slots=True)
class Envelope:
    kind: int
    sender: bytes
    receiver: bytes
    session: bytes
    sequence: int
    challenge: bytes
    echo: bytes
    body: bytes = field(default=b"", repr=False)


def node_id(name: str) -> bytes:
    """Eight bytes that stand for a node."""
    return _NAMES.digest(name.encode())[:8]


def seal(envelope: Envelope, keys: PeerKeys) -> bytes:
    if len(envelope.body) > MAX_BODY_BYTES:
        raise ValueError(f"a body of {len(envelope.body)} bytes is longer than {MAX_BODY_BYTES}")
    data = (
        _HEADER.pack(
            MAGIC,
            VERSION,
            envelope.kind,
            keys.signing.key_id,
            envelope.sender,
            envelope.receiver,
            envelope.session,
            envelope.sequence,
            envelope.challenge,
            envelope.echo,
        )
        + envelope.body
    )
    return data + keys.signing.tag(data)


def sender_of(data: bytes) -> bytes:
    """Who it claims to be from, before anything of it is verified; empty when it is too short for that."""
    return data[8:16] if len(data) >= MIN_BYTES else b""


def unseal(data: bytes, keys: PeerKeys) -> Envelope | Refusal:
    """What was signed with one of our keys. Whether it is fresh is for `session.py` to say."""
    if not MIN_BYTES <= len(data) <= MAX_BYTES:
        return Refusal.WRONG_FORM
    magic, version, kind, key_id, sender, receiver, session, sequence, challenge, echo = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        return Refusal.WRONG_FORM
    key = keys.verifying.get(key_id)
    if key is None:
        return Refusal.UNKNOWN_KEY
    if not _same(key.tag(data[:-TAG_BYTES]), data[-TAG_BYTES:]):
        return Refusal.WRONG_TAG
    return Envelope(kind, sender, receiver, session, sequence, challenge, echo, data[_HEADER.size : -TAG_BYTES])


def _same(one: bytes, other: bytes) -> bool:
    """In a time that does not tell how much of it is right (`hmac.compare_digest` would load OpenSSL)."""
    difference = 0
    for left, right in zip(one, other, strict=True):
        difference |= left ^ right
    return difference == 0
