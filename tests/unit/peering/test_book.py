"""operator/vipkeeper/peering/book.py"""

from __future__ import annotations

from ipaddress import ip_address

from vipkeeper.peering.book import BELIEVED_NS, Book
from vipkeeper.peering.messages import NO_FLAGS, Entry, Flag, PeerState, RouterName

NAME = RouterName(51, ip_address("192.0.2.10"))


def entry(number: int, priority: int, state: PeerState = PeerState.BACKUP, flags: Flag = NO_FLAGS) -> Entry:
    return Entry(NAME, state, priority, 25, ip_address(f"192.0.2.{number}"), flags)


def test_the_best_that_is_fit_comes_first_and_ties_go_to_the_higher_address() -> None:
    book = Book()
    book.note("low", entry(9, 50), 0)
    book.note("tied-low", entry(2, 100), 0)
    book.note("tied-high", entry(3, 100), 0)
    book.note("ill", entry(4, 200, flags=Flag.ILL), 0)
    book.note("leaving", entry(5, 200, flags=Flag.LEAVING), 0)
    book.note("faulty", entry(6, 200, PeerState.INITIALIZE), 0)
    book.note("absent", entry(7, 200, PeerState.ABSENT), 0)
    book.note("active", entry(8, 200, PeerState.ACTIVE), 0)
    assert [item.peer for item in book.fit(NAME, (), 0)] == ["tied-high", "tied-low", "low"]
    assert [item.peer for item in book.fit(NAME, {"tied-high"}, 0)] == ["tied-low", "low"]


def test_who_says_nothing_any_more_is_not_relied_on_but_still_known_by_address() -> None:
    book = Book()
    book.note("two", entry(2, 100), 0)
    assert book.fit(NAME, (), BELIEVED_NS)
    assert not book.fit(NAME, (), BELIEVED_NS + 1)
    found = book.at(NAME, ip_address("192.0.2.2"))
    assert found is not None
    assert found.peer == "two"
    assert book.at(NAME, ip_address("192.0.2.3")) is None


def test_where_a_peer_was_that_has_gone_stays_known() -> None:
    book = Book()
    book.note("two", entry(2, 100, PeerState.ACTIVE), 0)
    book.note("two", Entry(NAME, PeerState.ABSENT), 1)
    found = book.at(NAME, ip_address("192.0.2.2"))
    assert found is not None
    assert (found.entry.state, found.at_ns) == (PeerState.ABSENT, 1)


def test_a_peer_that_has_started_anew_is_forgotten() -> None:
    book = Book()
    book.note("two", entry(2, 100), 0)
    book.forget("two")
    assert book.said_by(NAME, "two") is None
