from datetime import timedelta

from tests.unit.controller.world import START
from vipkeeper.controller.events import ALLOWANCE, REFILL_EVERY, REPEATS_WITHIN, EventBook, Post, Repeat
from vipkeeper.spec.status import Event, EventReason

MOVED = Event("Warning", EventReason.FAILED_OVER, "192.0.2.10 moved from w1 to w2")


def test_an_event_stands_where_kubectl_describe_looks_for_it() -> None:
    posted = EventBook().record("web", "uid-1", MOVED, START)
    assert isinstance(posted, Post)
    assert posted.body["metadata"]["namespace"] == "default"
    assert posted.body["involvedObject"] == {
        "apiVersion": "vipkeeper.dev/v1alpha1",
        "kind": "VirtualIP",
        "name": "web",
        "uid": "uid-1",
    }
    assert posted.body["reason"] == "FailedOver"


def test_the_same_again_is_counted() -> None:
    book = EventBook()
    first = book.record("web", "uid-1", MOVED, START)
    again = book.record("web", "uid-1", MOVED, START + timedelta(seconds=5))
    assert isinstance(first, Post)
    assert isinstance(again, Repeat)
    assert again.name == first.body["metadata"]["name"]
    assert again.body == {"count": 2, "lastTimestamp": "2026-01-02T03:04:10Z"}


def test_the_same_much_later_or_about_another_object_is_told_anew() -> None:
    book = EventBook()
    book.record("web", "uid-1", MOVED, START)
    assert isinstance(book.record("web", "uid-1", MOVED, START + 2 * REPEATS_WITHIN), Post)
    assert isinstance(book.record("web", "uid-2", MOVED, START), Post)


def test_an_object_that_never_settles_is_silenced_and_heard_again_later() -> None:
    book = EventBook()
    told = [
        book.record("web", "uid-1", Event("Normal", EventReason.FAILED_OVER, f"move {number}"), START)
        for number in range(ALLOWANCE + 5)
    ]
    assert told.count(None) == 5
    assert book.record("other", "uid-2", MOVED, START) is not None
    assert book.record("web", "uid-1", MOVED, START + REFILL_EVERY) is not None


def test_a_long_message_is_cut_to_what_the_api_server_takes() -> None:
    posted = EventBook().record("web", "uid-1", Event("Warning", EventReason.REFUSED, "x" * 5000), START)
    assert isinstance(posted, Post)
    assert len(posted.body["message"]) == 1024
