"""What was recorded of a router is what a replay does, whatever happened and however much the ring has forgotten."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

import vipkeeper
from tests.property.lan import Lan
from tests.property.test_lan import BLOWS, Blow, config, settle, strike
from tests.unit.journal.samples import CONFIG, HEADER, ONE, THREE, TWO, Driven, advert
from vipkeeper.journal.file import compose, read
from vipkeeper.journal.replay import events, replay
from vipkeeper.journal.ring import Journal
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import (
    AdvertReceived,
    ConfigChanged,
    Event,
    FaultsChanged,
    HandoverAsked,
    HandoverImpossible,
    HandoverTaken,
    HandoverWanted,
    HealthChanged,
    LocalAddressChanged,
    Shutdown,
    Startup,
    TimerFired,
)
from vipkeeper.vrrp.state import Fault
from vipkeeper.vrrp.units import NS_PER_MS, NS_PER_S


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(config, st.integers(2, 254), st.sampled_from([5, 10, 25]), delay_ms=st.sampled_from([0, 300])),
        min_size=1,
        max_size=4,
    ),
    BLOWS,
    st.integers(0, 2**32),
)
def test_a_session_of_several_routers_is_replayed_without_a_difference(
    wanted: list[VirtualRouterConfig], blows: list[Blow], seed: int
) -> None:
    lan = Lan(wanted, Random(seed))
    for blow in blows:
        lan.run(lan.now_ns + blow.after_ms * NS_PER_MS)
        strike(lan, blow)
    settle(lan)
    journal = read(b"".join(compose(HEADER, [], lan.journal.lines())), vipkeeper.__version__)
    assert replay(journal) == []
    assert events(journal) > 0


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        lambda priority, source: AdvertReceived(advert(priority, source)),
        st.sampled_from([0, 1, 50, 100, 100, 200]),
        st.sampled_from([TWO, THREE]),
    ),
    st.just(TimerFired()),
    st.sampled_from([FaultsChanged(frozenset()), FaultsChanged(frozenset({Fault.LINK_DOWN}))]),
    st.sampled_from([HealthChanged(frozenset()), HealthChanged(frozenset({"NginxGone"}))]),
    st.builds(
        lambda priority, preempt: ConfigChanged(
            replace(CONFIG, priority=priority, preempt=preempt, preempt_delay_ns=5 * NS_PER_S, hand_over=preempt)
        ),
        st.sampled_from([100, 150]),
        st.booleans(),
    ),
    st.sampled_from([HandoverAsked(TWO), HandoverTaken(TWO), HandoverImpossible(), HandoverWanted(TWO, 200)]),
    st.sampled_from([LocalAddressChanged(ONE), LocalAddressChanged(THREE)]),
    st.sampled_from([Startup(), Shutdown()]),
)


@settings(max_examples=150)
@given(
    st.lists(st.tuples(EVENTS, st.integers(1, 400), st.integers(0, 2**32)), min_size=1, max_size=25),
    st.sampled_from([3_000, 500_000]),
)
def test_any_events_at_any_times_are_replayed_without_a_difference(
    sequence: list[tuple[Event, int, int]], ring_bytes: int
) -> None:
    """Repeated, early and late; timers by up to a whole interval."""
    driven = Driven(Journal(ring_bytes))
    now_ns = 0
    driven.tell(Startup(), now_ns)
    for event, times, seed in sequence:
        random = Random(seed)
        for _ in range(times):
            if isinstance(event, TimerFired) and driven.core.deadline_ns is not None:
                late_ns = random.choice([1, 1, 1, 30]) * random.randint(0, NS_PER_S // 30)
                now_ns = max(now_ns, driven.core.deadline_ns + late_ns)
            else:
                now_ns += random.randint(0, NS_PER_S)
            driven.tell(event, now_ns)
    assert replay(driven.read()) == []
