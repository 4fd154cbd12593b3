"""Journals of routers that are driven by hand, as files."""

from __future__ import annotations

from ipaddress import IPv4Address

import vipkeeper
from vipkeeper.journal.file import JournalFile, compose, read
from vipkeeper.journal.ring import Journal, Track
from vipkeeper.vrrp.advert import Advert, Family
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import AdvertReceived, Event
from vipkeeper.vrrp.router import VirtualRouter

VIP = IPv4Address("192.0.2.100")
ONE, TWO, THREE = (IPv4Address(f"192.0.2.{number}") for number in (1, 2, 3))
INTERVAL_NS = 1_000_000_000
CONFIG = VirtualRouterConfig(51, Family.IPV4, 100, (VIP,), 100)
HEADER = {
    "version": vipkeeper.__version__,
    "node": "one",
    "placement": "default",
    "why": "SIGUSR1",
    "writtenAt": "2026-01-02T03:04:05Z",
    "monotonicNs": 0,
}


def advert(priority: int = 200, source: IPv4Address = TWO) -> Advert:
    return Advert(source, 51, priority, 100, (VIP,))


class Driven:
    """A router whose journal is kept, as the engine does it."""

    def __init__(
        self, journal: Journal | None = None, label: str = "web", config: VirtualRouterConfig = CONFIG
    ) -> None:
        self.journal = Journal() if journal is None else journal
        self.core = VirtualRouter(config, ONE)
        self.track: Track = self.journal.track(label, self.core, 0)

    def tell(self, event: Event, now_ns: int) -> None:
        if isinstance(event, AdvertReceived) and self.core.confirm(event.advert, now_ns):
            self.track.note(event, now_ns, [])
            return
        try:
            actions = self.core.handle(event, now_ns)
        except Exception:
            self.track.failed(event, now_ns)
            raise
        self.track.note(event, now_ns, actions)

    def text(self) -> bytes:
        return b"".join(compose(HEADER, [], self.journal.lines()))

    def read(self) -> JournalFile:
        return read(self.text(), vipkeeper.__version__)
