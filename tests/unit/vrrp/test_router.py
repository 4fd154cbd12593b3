"""What the playbooks (tests/scenarios) do not show: the attributes, and the whole table of health and preemption."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from vipkeeper.vrrp.actions import RemoveAddresses, SendAdvert, StateChanged
from vipkeeper.vrrp.advert import NO_REMARKS, Advert, Family, Remark
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import (
    Adopted,
    AdvertReceived,
    ConfigChanged,
    Event,
    FaultsChanged,
    HealthChanged,
    LocalAddressChanged,
    Shutdown,
    Startup,
    TimerFired,
)
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import Fault, Reason, State

LOCAL = IPv4Address("192.0.2.5")
PEER = IPv4Address("192.0.2.6")
VIP = IPv4Address("192.0.2.10")
S = 1_000_000_000
ILL = frozenset({"NginxGone"})
CONFIG = VirtualRouterConfig(51, Family.IPV4, 100, (VIP,))


def heard(priority: int, source: IPv4Address = PEER) -> AdvertReceived:
    return AdvertReceived(Advert(source, 51, priority, 100, (VIP,)))


def backup(*, ill: bool = False, preempt: bool = True) -> VirtualRouter:
    """In Backup since 0, having heard nobody."""
    router = VirtualRouter(replace(CONFIG, preempt=preempt), LOCAL)
    if ill:
        router.handle(HealthChanged(ILL), 0)
    router.handle(Startup(), 0)
    assert router.state is State.BACKUP
    return router


def active(*, ill: bool = False, preempt: bool = True) -> VirtualRouter:
    """Active since its down timer rang, healthy or as the last resort."""
    router = backup(ill=ill, preempt=preempt)
    assert router.deadline_ns is not None
    router.handle(TimerFired(), router.deadline_ns)
    assert router.state is State.ACTIVE
    return router


FOLLOWS, PREEMPTS, LEAVING = "follows", "preempts", "takes the word of the leaving"
YIELDS, ANSWERS = "yields", "answers"

# own health, Preempt_Mode, heard priority -> what a Backup (configured priority 100) does
IN_BACKUP = {
    ("well", "preempt", 0): LEAVING,
    ("well", "preempt", 1): PREEMPTS,
    ("well", "preempt", 99): PREEMPTS,
    ("well", "preempt", 100): FOLLOWS,
    ("well", "preempt", 101): FOLLOWS,
    ("well", "no preempt", 0): LEAVING,
    ("well", "no preempt", 1): PREEMPTS,  # priority 1 is ill: never worth staying behind
    ("well", "no preempt", 99): FOLLOWS,
    ("well", "no preempt", 100): FOLLOWS,
    ("well", "no preempt", 101): FOLLOWS,
    ("ill", "preempt", 0): LEAVING,
    ("ill", "preempt", 1): FOLLOWS,
    ("ill", "preempt", 99): FOLLOWS,
    ("ill", "preempt", 100): FOLLOWS,
    ("ill", "preempt", 101): FOLLOWS,
    ("ill", "no preempt", 0): LEAVING,
    ("ill", "no preempt", 1): FOLLOWS,
    ("ill", "no preempt", 99): FOLLOWS,
    ("ill", "no preempt", 100): FOLLOWS,
    ("ill", "no preempt", 101): FOLLOWS,
}

# own health, heard priority -> what an Active (configured priority 100, the lower address) does; Preempt_Mode is
# not consulted (rule 78)
IN_ACTIVE = {
    ("well", 0): ANSWERS,
    ("well", 1): ANSWERS,
    ("well", 99): ANSWERS,
    ("well", 100): YIELDS,
    ("well", 101): YIELDS,
    ("ill", 0): ANSWERS,
    ("ill", 1): YIELDS,
    ("ill", 2): YIELDS,
    ("ill", 100): YIELDS,
}


def _what_a_backup_did(router: VirtualRouter, before_ns: int | None, now_ns: int) -> str:
    assert router.state is State.BACKUP
    assert router.deadline_ns is not None
    if router.deadline_ns == before_ns:
        return PREEMPTS
    return LEAVING if router.deadline_ns < now_ns + 3 * S else FOLLOWS


@pytest.mark.parametrize(("health", "mode", "priority"), IN_BACKUP)
def test_every_cell_of_health_and_preemption_in_backup(health: str, mode: str, priority: int) -> None:
    router = backup(ill=health == "ill", preempt=mode == "preempt")
    before_ns = router.deadline_ns
    assert router.handle(heard(priority), 1 * S) == []
    assert _what_a_backup_did(router, before_ns, 1 * S) == IN_BACKUP[health, mode, priority]


@pytest.mark.parametrize("preempt", [True, False])
@pytest.mark.parametrize(("health", "priority"), IN_ACTIVE)
def test_every_cell_of_health_in_active(health: str, priority: int, preempt: bool) -> None:
    router = active(ill=health == "ill", preempt=preempt)
    actions = router.handle(heard(priority), 4_100_000_000)
    did = ANSWERS if actions[0] == SendAdvert(router.priority) else YIELDS
    assert did == IN_ACTIVE[health, priority]
    assert router.state is (State.ACTIVE if did == ANSWERS else State.BACKUP)


@pytest.mark.parametrize("preempt", [True, False])
def test_health_alone_moves_only_an_active_that_falls_ill(preempt: bool) -> None:
    for router, ailments, state in [
        (backup(preempt=preempt), ILL, State.BACKUP),
        (backup(ill=True, preempt=preempt), frozenset(), State.BACKUP),
        (active(ill=True, preempt=preempt), frozenset(), State.ACTIVE),
        (active(ill=True, preempt=preempt), ILL | {"NginxNotReady"}, State.ACTIVE),
        (active(preempt=preempt), ILL, State.BACKUP),
    ]:
        router.handle(HealthChanged(frozenset(ailments)), 4_100_000_000)
        assert router.state is state
        assert router.priority == (1 if ailments else 100)


def test_the_takeover_time_counts_from_the_last_advert_of_the_old_active() -> None:
    router = backup()
    router.handle(heard(200), 1 * S)
    router.handle(TimerFired(), 4_700_000_000)
    assert (router.state, router.takeover_ns) == (State.ACTIVE, 3_700_000_000)


def test_the_takeover_time_after_priority_zero_counts_from_it() -> None:
    router = backup()
    router.handle(heard(200), 1 * S)
    router.handle(heard(0), 2 * S)
    router.handle(TimerFired(), 2_609_375_000)
    assert router.takeover_ns == 609_375_000


def test_there_is_no_takeover_time_where_nobody_was_missed() -> None:
    first = active()
    preempting = backup()
    preempting.handle(heard(50), 3 * S)
    preempting.handle(TimerFired(), 3_609_375_000)
    adopted = backup()
    adopted.handle(heard(200), 1 * S)
    adopted.handle(Adopted(), 2 * S)
    assert [router.takeover_ns for router in (first, preempting, adopted)] == [None, None, None]


def test_the_takeover_time_of_an_earlier_takeover_is_forgotten() -> None:
    router = backup()
    router.handle(heard(200), 1 * S)
    router.handle(TimerFired(), 5 * S)
    router.handle(heard(200), 6 * S)
    router.handle(Adopted(), 7 * S)
    assert router.takeover_ns is None


def test_the_active_address_follows_what_is_accepted_and_nothing_else() -> None:
    router = backup()
    seen = [router.active_address]
    steps: list[tuple[Event, int]] = [
        (heard(50), 1 * S),  # preempted: not accepted
        (heard(200), 2 * S),
        (TimerFired(), 6 * S),
        (heard(200), 7 * S),
        (Shutdown(), 8 * S),
    ]
    for event, now_ns in steps:
        router.handle(event, now_ns)
        seen.append(router.active_address)
    assert seen == [None, None, PEER, LOCAL, PEER, None]


@pytest.mark.parametrize("event", [HealthChanged(ILL), TimerFired()])
def test_one_who_gave_up_knows_of_no_active(event: Event) -> None:
    router = active()
    router.handle(event, 4 * S if isinstance(event, HealthChanged) else 99 * S)
    assert (router.state, router.active_address) == (State.BACKUP, None)


OTHER_PEER = IPv4Address("192.0.2.7")


def test_hostile_28_two_that_send_at_one_time_with_one_priority_are_remarked_on() -> None:
    router = backup()
    seen = []
    for now_ns, source in enumerate([PEER, OTHER_PEER, OTHER_PEER, PEER], start=1):
        router.handle(heard(200, source), now_ns * S)
        seen.append(bool(router.remarks))
    assert seen == [False, True, False, True]
    assert router.remarks == {Remark.TWO_SENDERS}
    assert router.state is State.BACKUP


def test_hostile_20_an_active_that_goes_on_after_priority_zero_is_remarked_on_until_its_next_advert() -> None:
    router = backup()
    seen = []
    for at_s, priority in enumerate([200, 0, 200, 200], start=1):
        router.handle(heard(priority), at_s * S // 4)
        seen.append(router.remarks)
    assert seen == [NO_REMARKS, NO_REMARKS, {Remark.STILL_ACTIVE}, NO_REMARKS]


@pytest.mark.parametrize(
    "adverts",
    [
        pytest.param([(200, PEER, 1.0), (200, OTHER_PEER, 4.0)], id="three_silent_intervals"),
        pytest.param([(200, PEER, 1.0), (0, PEER, 1.5), (200, OTHER_PEER, 2.0)], id="the_first_has_left"),
        pytest.param([(200, PEER, 1.0), (201, OTHER_PEER, 1.5)], id="preempted"),
        pytest.param([(200, PEER, 1.0), (200, PEER, 1.1)], id="the_same"),
        pytest.param([(0, PEER, 1.0), (200, PEER, 1.1)], id="one_that_was_not_known"),
    ],
)
def test_a_successor_is_not_remarked_on(adverts: list[tuple[int, IPv4Address, float]]) -> None:
    router = backup()
    for priority, source, at_s in adverts:
        router.handle(heard(priority, source), int(at_s * S))
    assert router.state is State.BACKUP
    assert router.remarks == NO_REMARKS


def test_the_reason_is_that_of_the_last_transition() -> None:
    router = active()
    seen = [router.reason]
    steps: list[tuple[Event, int]] = [(heard(200), 4 * S), (heard(50), 5 * S), (TimerFired(), 8 * S)]
    for event, now_ns in steps:
        router.handle(event, now_ns)
        seen.append(router.reason)
    assert seen == [Reason.NO_RESPONSE, Reason.HIGHER_PRIORITY, Reason.HIGHER_PRIORITY, Reason.PREEMPTED]


def test_an_active_with_a_new_local_address_is_known_by_it() -> None:
    router = active()
    router.handle(LocalAddressChanged(PEER), 4 * S)
    assert (router.local_address, router.active_address) == (PEER, PEER)


def test_the_last_advert_is_known_exactly_while_active() -> None:
    router = backup()
    seen = [router.last_advert_ns]
    steps: list[tuple[Event, int]] = [
        (TimerFired(), 3_700_000_000),
        (heard(50), 4 * S),  # answered
        (FaultsChanged(frozenset({Fault.LINK_DOWN})), 5 * S),
    ]
    for event, now_ns in steps:
        router.handle(event, now_ns)
        seen.append(router.last_advert_ns)
    assert seen == [None, 3_700_000_000, 4 * S, None]


@pytest.mark.parametrize("fault", [Fault.LINK_DOWN, Fault.INTERFACE_MISSING, Fault.NO_SOURCE_ADDRESS])
def test_where_nothing_can_be_sent_nothing_is_sent(fault: Fault) -> None:
    router = active()
    actions = router.handle(FaultsChanged(frozenset({fault, Fault.NOT_PREPARED})), 4 * S)
    assert actions == [RemoveAddresses((VIP,)), StateChanged(State.ACTIVE, State.INITIALIZE, Reason.FAULT)]


@pytest.mark.parametrize(
    "other",
    [
        replace(CONFIG, vrid=52),
        VirtualRouterConfig(51, Family.IPV6, 100, (IPv6Address("2001:db8::10"),)),
    ],
)
def test_rule_8_another_vrid_or_family_is_another_router(other: VirtualRouterConfig) -> None:
    with pytest.raises(ValueError, match="another virtual router"):
        backup().handle(ConfigChanged(other), 1 * S)


def test_an_advert_may_leave_up_to_a_twentieth_of_its_interval_early_and_keeps_its_rhythm() -> None:
    """For the sake of others that are due: rule 32's timer is kept, its average too."""
    router = active()
    due_ns = router.deadline_ns
    assert due_ns is not None
    assert router.slack_ns == S // 20
    assert router.handle(TimerFired(), due_ns - S // 20 - 1) == []
    assert router.handle(TimerFired(), due_ns - S // 20) == [SendAdvert(100)]
    assert router.deadline_ns == due_ns + S


def test_a_backup_never_believes_in_silence_early() -> None:
    router = backup()
    assert router.deadline_ns is not None
    assert router.slack_ns == 0
    assert router.handle(TimerFired(), router.deadline_ns - 1) == []
    assert router.state is State.BACKUP


def test_the_advert_of_the_active_once_more_only_starts_the_down_timer_anew() -> None:
    router = backup()
    first = heard(200).advert
    assert not router.confirm(first, S // 2), "nobody is followed yet"
    router.handle(AdvertReceived(first), S)
    assert router.deadline_ns is not None
    wait_ns = router.deadline_ns - S
    assert router.confirm(first, 2 * S)
    assert router.deadline_ns == 2 * S + wait_ns
    assert not router.confirm(heard(200).advert, 3 * S), "equal is not the same"
    router.handle(TimerFired(), router.deadline_ns)
    assert router.takeover_ns == wait_ns
    assert not router.confirm(first, 9 * S)


@pytest.mark.parametrize(
    "event",
    [
        heard(0),
        heard(99),
        heard(150, IPv4Address("192.0.2.7")),
        HealthChanged(ILL),
        ConfigChanged(replace(CONFIG, priority=250)),
        FaultsChanged(frozenset({Fault.LINK_DOWN})),
        Shutdown(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_after_anything_else_the_same_advert_is_looked_at_again(event: Event) -> None:
    router = backup()
    first = heard(200).advert
    router.handle(AdvertReceived(first), S)
    router.handle(event, 2 * S)
    deadline_ns = router.deadline_ns
    assert not router.confirm(first, 2 * S)
    assert router.deadline_ns == deadline_ns


def test_what_is_followed_for_the_preempt_delay_only_is_looked_at_each_time() -> None:
    router = VirtualRouter(replace(CONFIG, preempt_delay_ns=10 * S), LOCAL)
    router.handle(Startup(), 0)
    lower = heard(50).advert
    router.handle(AdvertReceived(lower), S)
    assert not router.confirm(lower, 2 * S)
