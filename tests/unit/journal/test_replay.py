"""A core that does something else is found out, at the first event where it does."""

from __future__ import annotations

import pytest

from tests.unit.journal.samples import INTERVAL_NS, TWO, Driven, advert
from tests.unit.journal.test_ring import follow
from vipkeeper.journal.replay import events, replay
from vipkeeper.vrrp.advert import Advert
from vipkeeper.vrrp.events import AdvertReceived, Startup, TimerFired
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import Reason
from vipkeeper.vrrp.units import NS_PER_MS


def takeover(adverts: int = 5, beats: int = 3) -> Driven:
    """An Active is heard, falls silent, and we send on our own."""
    driven = Driven()
    driven.tell(Startup(), 0)
    follow(driven, adverts, 0)
    for _ in range(beats):
        assert driven.core.deadline_ns is not None
        driven.tell(TimerFired(), driven.core.deadline_ns + 3)
    return driven


def test_the_core_that_wrote_it_does_the_same_again() -> None:
    journal = takeover(adverts=5000, beats=100_000).read()
    assert replay(journal) == []
    assert events(journal) == 1 + 5000 + 100_000


def test_a_core_that_acts_otherwise_is_shown_at_the_first_event_where_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = takeover().read()

    def without_advert(self: VirtualRouter, reason: Reason, now_ns: int) -> None:
        become_active(self, reason, now_ns)
        self._actions.pop(0)

    become_active = VirtualRouter._become_active
    monkeypatch.setattr(VirtualRouter, "_become_active", without_advert)
    (difference,) = replay(journal)
    assert difference.router == "web"
    assert difference.what == "TimerFired()"
    assert difference.line == journal.routers[0].blocks[0].records[2].line
    assert difference.recorded.startswith("SendAdvert(priority=100); AddAddresses")
    assert difference.replayed.startswith("AddAddresses")


def test_a_core_that_waits_otherwise_is_shown_by_its_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = takeover().read()

    def hurried(self: VirtualRouter, found: Advert, now_ns: int) -> None:
        follow_active(self, found, now_ns)
        assert self.deadline_ns is not None
        self.deadline_ns -= NS_PER_MS

    follow_active = VirtualRouter._follow
    monkeypatch.setattr(VirtualRouter, "_follow", hurried)
    (difference,) = replay(journal)
    assert f"timer at {5 * INTERVAL_NS + 3_609_375_000}" in difference.recorded
    assert f"timer at {5 * INTERVAL_NS + 3_608_375_000}" in difference.replayed


def test_a_core_that_remembers_otherwise_is_shown_where_the_next_block_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    driven = Driven()
    driven.tell(Startup(), 0)
    for number in range(40):
        driven.tell(AdvertReceived(advert(200 + number % 2)), INTERVAL_NS * (number + 1))
    journal = driven.read()

    def forgetful(self: VirtualRouter, found: Advert, now_ns: int) -> None:
        follow_active(self, found, now_ns)
        self.active_address = None

    follow_active = VirtualRouter._follow
    monkeypatch.setattr(VirtualRouter, "_follow", forgetful)
    (difference,) = replay(journal)
    assert difference.line == journal.routers[0].blocks[1].line
    assert (difference.recorded, difference.replayed) == (f"active_address={TWO}", "active_address=None")


def test_a_failure_that_is_there_still_is_no_difference_and_one_that_is_mended_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(_self: VirtualRouter, _advert: Advert, _now_ns: int) -> None:
        raise ZeroDivisionError("in the test")

    driven = Driven()
    driven.tell(Startup(), 0)
    with monkeypatch.context() as broken:
        broken.setattr(VirtualRouter, "_follow", fails)
        with pytest.raises(ZeroDivisionError):
            driven.tell(AdvertReceived(advert()), 1)
        journal = driven.read()
        assert replay(journal) == []
    (difference,) = replay(journal)
    assert (difference.recorded, difference.replayed[:7]) == ("raises an exception", "nothing")


def test_a_core_that_fails_now_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = takeover().read()

    def fails(_self: VirtualRouter, _now_ns: int) -> None:
        raise ZeroDivisionError("in the test")

    monkeypatch.setattr(VirtualRouter, "_take_over", fails)
    (difference,) = replay(journal)
    assert difference.replayed == "raises ZeroDivisionError: in the test"
