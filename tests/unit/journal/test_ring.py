"""The ring stays small, and what was interesting stays in it."""

from __future__ import annotations

from tests.unit.journal.samples import CONFIG, INTERVAL_NS, THREE, TWO, Driven, advert
from vipkeeper.journal.file import JournalFile, ReadRecord
from vipkeeper.journal.replay import replay
from vipkeeper.journal.ring import BLOCK_RECORDS, LIMIT, Journal
from vipkeeper.vrrp.actions import StateChanged
from vipkeeper.vrrp.events import AdvertReceived, ConfigChanged, FaultsChanged, Startup, TimerFired
from vipkeeper.vrrp.units import NS_PER_MS, NS_PER_S


def records(journal: JournalFile) -> list[ReadRecord]:
    return [record for router in journal.routers for block in router.blocks for record in block.records]


def follow(driven: Driven, times: int, now_ns: int) -> int:
    """An Active is heard so many times."""
    for _ in range(times):
        now_ns += INTERVAL_NS
        driven.tell(AdvertReceived(advert()), now_ns)
    return now_ns


def quarrel(driven: Driven, times: int, now_ns: int, pause_ns: int = INTERVAL_NS) -> int:
    """Two who are Active, in turn: nothing is twice the same in a row."""
    for number in range(times):
        now_ns += pause_ns
        driven.tell(AdvertReceived(advert(200, TWO if number % 2 else THREE)), now_ns)
    return now_ns


def test_adverts_that_repeat_cost_nothing_and_both_ends_of_the_run_are_known() -> None:
    driven = Driven()
    driven.tell(Startup(), 0)
    until_ns = follow(driven, 1000, 0)
    startup, run = records(driven.read())
    assert (run.times, run.first_ns, run.last_ns, run.rule) == (1000, INTERVAL_NS, until_ns, "follows")
    assert len(driven.text()) < 2500
    assert driven.journal.size == 0
    assert startup.event == Startup()


def test_the_own_adverts_are_a_run_until_one_is_so_late_that_the_rhythm_changes() -> None:
    driven = Driven()
    driven.tell(Startup(), 0)
    for number in range(100):
        assert driven.core.deadline_ns is not None
        late_ns = 700 * NS_PER_MS if number == 60 else number % 7
        driven.tell(TimerFired(), driven.core.deadline_ns + late_ns)
    assert [record.times for record in records(driven.read())] == [1, 1, 59, 40]
    assert replay(driven.read()) == []


def test_an_advert_that_says_something_else_begins_another_run() -> None:
    driven = Driven()
    driven.tell(Startup(), 0)
    now_ns = follow(driven, 5, 0)
    driven.tell(AdvertReceived(advert(201)), now_ns + 1)
    follow(driven, 5, now_ns)
    assert [record.times for record in records(driven.read())] == [1, 5, 1, 5]


def test_the_ring_keeps_to_its_bytes() -> None:
    driven = Driven(Journal(20_000))
    driven.tell(Startup(), 0)
    quarrel(driven, 3000, 0)
    assert 15_000 < driven.journal.size <= 20_000
    assert len(driven.text()) < 30_000
    assert replay(driven.read()) == []


def test_chatter_pushes_out_chatter_and_a_takeover_stays() -> None:
    driven = Driven(Journal(20_000))
    driven.tell(Startup(), 0)
    now_ns = driven.core.deadline_ns or 0
    driven.tell(TimerFired(), now_ns)  # nobody is there
    now_ns = quarrel(driven, 5000, now_ns)
    kept = records(driven.read())
    assert [type(record.event) for record in kept[:2]] == [Startup, TimerFired]
    assert isinstance((kept[1].actions or [])[-1], StateChanged)
    assert kept[-1].last_ns == now_ns
    assert replay(driven.read()) == []


def test_a_router_that_makes_noise_does_not_cost_the_others_their_history() -> None:
    journal = Journal(20_000)
    quiet, noisy = Driven(journal, "quiet"), Driven(journal, "noisy")
    quiet.tell(Startup(), 0)
    quarrel(quiet, 20, 0)
    noisy.tell(Startup(), 0)
    for number in range(3000):
        noisy.tell(ConfigChanged(CONFIG), number * NS_PER_S)
    routers = {router.label: router.blocks for router in noisy.read().routers}
    assert [block.number for block in routers["quiet"]] == [0, 1]
    assert routers["noisy"][0].number > 100


def test_a_flood_is_counted_and_the_next_second_is_recorded_again() -> None:
    driven = Driven()
    driven.tell(Startup(), 0)
    quarrel(driven, 20_000, 0, NS_PER_S // 10_000)
    read = driven.read()
    blocks = read.routers[0].blocks
    assert len(records(read)) <= 3 * LIMIT * (BLOCK_RECORDS + 1)
    assert sum(block.missed for block in blocks) + len(records(read)) >= 19_900
    assert [block.missed > 0 for block in blocks].count(True) == 2
    assert replay(read) == []


def test_many_routers_that_fill_their_blocks_in_one_moment_are_tidied_up_later_and_in_order() -> None:
    calls: list[int] = []
    journal = Journal(200_000, tidy_soon=lambda: calls.append(1))
    many = [Driven(journal, f"router {number}") for number in range(60)]
    for driven in many:
        driven.tell(Startup(), 0)
        quarrel(driven, 40, 0)
    assert (len(calls), journal.waiting, journal.size) == (120, 120, 0)
    assert replay(many[0].read()) == []
    assert [block.number for block in many[0].read().routers[0].blocks] == [0, 1, 2]
    assert journal.tidy(2)
    assert (journal.waiting, journal.size > 0) == (118, True)
    assert not journal.tidy()
    assert [block.number for block in many[0].read().routers[0].blocks][-1] == 2
    assert journal.size <= 200_000
    assert replay(many[0].read()) == []


def test_what_waits_to_be_tidied_up_is_bounded() -> None:
    journal = Journal(tidy_soon=lambda: None)
    many = [Driven(journal, f"router {number}") for number in range(400)]
    for driven in many:
        driven.tell(Startup(), 0)
        quarrel(driven, 20, 0)
    assert journal.waiting == 400  # those that were being written when there were enough
    for driven in many:
        quarrel(driven, 100, NS_PER_S * 1000)
    assert journal.waiting < 900
    journal.tidy(1000)
    for driven in many:
        quarrel(driven, 3, NS_PER_S * 3000)
    assert sum(block.missed for router in many[0].read().routers for block in router.blocks) > 20_000
    assert replay(many[0].read()) == []


def test_a_router_that_has_ended_is_remembered_until_the_room_is_needed() -> None:
    journal = Journal(20_000)
    gone, other = Driven(journal, "gone"), Driven(journal, "other")
    gone.tell(Startup(), 0)
    gone.track.end()
    gone.track.end()
    gone.tell(FaultsChanged(frozenset()), 1)  # not recorded any more
    labels = [router.label for router in other.read().routers]
    assert labels == ["gone", "other"]
    quarrel(other, 3000, 0)
    assert len(records(other.read())) > 50


def test_the_event_on_which_a_core_fails_is_recorded() -> None:
    driven = Driven()
    driven.tell(Startup(), 0)
    try:
        driven.tell(AdvertReceived("junk"), 5)  # type: ignore[arg-type]
    except AttributeError:
        pass
    failed = records(driven.read())[-1]
    assert (failed.event, failed.actions, failed.first_ns) == (AdvertReceived("junk"), None, 5)  # type: ignore[arg-type]
