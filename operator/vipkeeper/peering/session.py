"""Against replays: what of a peer's signed messages is new, and said to us as we are now.

Each engine draws a session when it starts and counts its messages in it. A session that is known is believed in its
order, each number once (a window allows for two ways of different length). Another session is believed only with our
challenge in it, which is then drawn anew: so nobody can come back with messages of an engine that was, not even with
some that we never saw. A peer that does not know our challenge is told it (`Kind.CHALLENGE`) and says it again: one
round trip when an engine has started, none ever after.

Challenges are made from a seed that the shell draws; nothing is random here.
"""

from __future__ import annotations

from vipkeeper.peering.envelope import Envelope, Refusal
from vipkeeper.vrrp.hmac_sha256 import HmacKey

NOTHING = bytes(8)
_WINDOW = 64


class OwnSession:
    """Of this engine: what it signs with, besides the key."""

    def __init__(self, seed: bytes) -> None:
        """`seed`: 32 random bytes, drawn when the engine starts."""
        self._source = HmacKey(seed)
        self.session = self._source.digest(b"session")[:8]
        self._sequence = 0

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def challenge(self, peer: bytes, count: int) -> bytes:
        return self._source.digest(b"challenge" + peer + count.to_bytes(8, "big"))[:8]


class PeerSession:
    """Of one peer, as we know it."""

    def __init__(self, own: OwnSession, peer: bytes) -> None:
        self._own = own
        self._peer = peer
        self._session = NOTHING
        self._highest = 0
        self._seen = 0  # bit n: the message `highest - n` was taken
        self.opened = 0
        """How many sessions of it there were."""
        self.challenge = own.challenge(peer, 0)
        """What the peer must echo to open a new session with us."""
        self.echo = NOTHING
        """The peer's challenge, as it told us last."""

    @property
    def is_open(self) -> bool:
        """Whether we have heard the peer, as it is now, answer us."""
        return self._session != NOTHING

    def take(self, envelope: Envelope) -> Refusal | None:
        """None: it is good, and new."""
        refusal = None
        if envelope.session == self._session:
            refusal = self._count(envelope.sequence)
        elif envelope.echo == self.challenge:
            self._open(envelope)
        else:
            refusal = Refusal.NOT_FRESH
        if refusal is None and envelope.sequence == self._highest:  # not one that was overtaken on its way
            self.echo = envelope.challenge
        return refusal

    def _open(self, envelope: Envelope) -> None:
        self._session = envelope.session
        self._highest, self._seen = envelope.sequence, 1
        self.opened += 1
        self.challenge = self._own.challenge(self._peer, self.opened)

    def _count(self, sequence: int) -> Refusal | None:
        ahead = sequence - self._highest
        if ahead > 0:
            self._seen = ((self._seen << ahead) | 1) & ((1 << _WINDOW) - 1) if ahead < _WINDOW else 1
            self._highest = sequence
            return None
        if -ahead >= _WINDOW or self._seen & (1 << -ahead):
            return Refusal.REPLAYED
        self._seen |= 1 << -ahead
        return None
