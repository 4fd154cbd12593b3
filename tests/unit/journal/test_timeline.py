"""What a person reads."""

from __future__ import annotations

from tests.unit.journal.samples import HEADER, Driven
from tests.unit.journal.test_replay import takeover
from vipkeeper.journal.file import JournalFile
from vipkeeper.journal.ring import Journal
from vipkeeper.journal.timeline import Clock, happened, summary, timeline
from vipkeeper.vrrp.events import FaultsChanged, Startup, TimerFired
from vipkeeper.vrrp.state import Fault


def test_each_thing_is_a_line_with_its_date_and_runs_are_one() -> None:
    assert list(timeline(takeover().read())) == [
        "2026-01-02 03:04:05.000000  web  Startup -> Initialize => Backup (Startup)",
        "2026-01-02 03:04:06.000000  web  advert of 192.0.2.2, priority 200, each 1 s -> nothing (x5, until 03:04:10.000000)",
        (
            "2026-01-02 03:04:13.609375  web  timer -> send priority 100, add 192.0.2.100, announce 192.0.2.100,"
            " Backup => Active (NoResponse)"
        ),
        "2026-01-02 03:04:14.609375  web  timer -> send priority 100 (x2, until 03:04:15.609375)",
    ]


def test_routers_are_told_in_the_order_of_time_or_one_alone() -> None:
    journal = Journal()
    one, two = Driven(journal, "one"), Driven(journal, "two")
    two.tell(Startup(), 1_000_000)
    one.tell(Startup(), 2_000_000)
    two.tell(TimerFired(), 10_000_000_000)
    assert [line.split()[2] for line in timeline(one.read())] == ["two", "one", "two"]
    assert [line.split()[2] for line in timeline(one.read(), "one")] == ["one"]


def test_members_that_say_something_are_told() -> None:
    faults = FaultsChanged(frozenset({Fault.LINK_DOWN, Fault.NO_SOURCE_ADDRESS}))
    assert happened(faults) == "FaultsChanged faults=LinkDown,NoSourceAddress"
    assert happened(Startup()) == "Startup"


def test_dates_are_counted_from_the_header_and_a_header_without_them_does_no_harm() -> None:
    assert Clock(HEADER | {"monotonicNs": 5_000_000_000}).date(4_000_000_000) == "2026-01-02 03:04:04.000000"
    assert Clock({}).date(1_000_000_000) == "1970-01-01 00:00:01.000000"


def test_the_summary_says_whose_it_is_why_it_was_written_and_how_things_stood() -> None:
    status = {"name": "web", "state": "Active", "sinceMs": 2500, "reason": "NoResponse", "priority": 100, "faults": []}
    lines = list(summary(JournalFile(HEADER | {"traceback": "Traceback\nZeroDivisionError"}, [], [status])))
    assert "on node one (placement default), written 2026-01-02T03:04:05Z: SIGUSR1" in lines[0]
    assert lines[1] == "  web: Active since 2.5 s (NoResponse), priority 100, on no interface"
    assert lines[-1] == "  ZeroDivisionError"
