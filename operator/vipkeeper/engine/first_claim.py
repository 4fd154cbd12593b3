"""Has somebody else the addresses that a router is about to claim first? (RFC 5227 with shorter times; DAD for IPv6.)

Asked beside the wait of a router that starts. What answers may be the Active itself, heard a moment later: so an
answer is told to the router, and it decides when it would claim. When it does not, it is asked again now and then.

Tests: tests/netns/test_first_claim.py.
"""

from __future__ import annotations

from collections.abc import Callable

from vipkeeper.engine.interfaces import Link
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.segment_proof import SegmentProof
from vipkeeper.ipc.messages import Finding, FindingKind
from vipkeeper.vrrp.timers import CLAIM_NS
from vipkeeper.vrrp.units import NS_PER_S

ASK_AGAIN_NS = 3 * NS_PER_S


class FirstClaim:
    """`on_answer` gets the address that is answered for, and the time; `on_free` is called when nobody answers any more."""

    def __init__(
        self,
        loop: Loop,
        segment: SegmentProof,
        on_answer: Callable[[IPAddress, int], None],
        on_free: Callable[[], None],
    ) -> None:
        self._segment = segment
        self._on_answer = on_answer
        self._on_free = on_free
        self._timer = loop.timer(self._ring)
        self._link: Link | None = None
        self._addresses: tuple[IPAddress, ...] = ()
        self._answer: tuple[IPAddress, str, int] | None = None
        self._answered_ns = 0
        self._asked_ns = 0

    @property
    def stands(self) -> bool:
        """Whether somebody has answered and nobody has said otherwise since."""
        return self._answer is not None

    def probe(self, link: Link | None, addresses: tuple[IPAddress, ...], now_ns: int) -> None:
        self._link, self._addresses, self._answer = link, addresses, None
        self._ask(now_ns)

    def heard(self) -> None:
        """An Active of this virtual router is on the segment: it was the one who answered."""
        if self._answer is not None:
            self._answer = None
            self._on_free()

    def cancel(self) -> None:
        self._timer.cancel()
        self._answer = None

    def finding(self) -> Finding | None:
        if self._answer is None:
            return None
        address, mac, since_ns = self._answer
        detail = f"{address} is answered for by {mac}, which is no Active of this virtual router"
        age_ms = max(0, self._answered_ns - since_ns) // 1_000_000
        return Finding(FindingKind.ADDRESS_CONFLICT.value, mac, detail, age_ms)

    def _ask(self, now_ns: int) -> None:
        if self._link is not None:
            self._asked_ns = now_ns
            self._segment.probe(self._link, self._addresses, self._heard, now_ns)

    def _heard(self, address: IPAddress, mac: bytes, now_ns: int) -> None:
        self._answered_ns = now_ns
        if self._answer is None:
            self._answer = (address, mac.hex(":"), now_ns)
            self._on_answer(address, now_ns)
            self._timer.set(now_ns + ASK_AGAIN_NS)

    def _ring(self, now_ns: int) -> None:
        """Each ASK_AGAIN_NS a question, and CLAIM_NS later a look at what came of it."""
        if self._answer is None:
            return
        if now_ns - self._asked_ns >= ASK_AGAIN_NS:
            self._ask(now_ns)
            self._timer.set(now_ns + CLAIM_NS)
        elif self._answered_ns < self._asked_ns:
            self._answer = None
            self._on_free()
        else:
            self._timer.set(self._asked_ns + ASK_AGAIN_NS)
