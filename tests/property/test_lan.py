"""Several routers on one LAN, and whatever may befall them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.lan import MAX_LATENCY_NS, VIP, VRID, Lan, Node, transitions
from vipkeeper.vrrp.actions import Announce, SendAdvert
from vipkeeper.vrrp.advert import Family, Version
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import HealthChanged
from vipkeeper.vrrp.state import Reason, State
from vipkeeper.vrrp.timers import active_down_interval_ns, last_resort_delay_ns, skew_time_ns
from vipkeeper.vrrp.units import NS_PER_MS, NS_PER_S, cs_to_ns, ms_to_ns

ILL = frozenset({"NginxGone"})
WELL: frozenset[str] = frozenset()


def config(
    priority: int,
    interval_cs: int = 10,
    *,
    preempt: bool = True,
    rank: int = 0,
    version: Version = Version.V3,
    delay_ms: int = 0,
) -> VirtualRouterConfig:
    return VirtualRouterConfig(
        VRID,
        Family.IPV4,
        priority,
        (VIP,),
        interval_cs,
        preempt,
        rank,
        version=version,
        preempt_delay_ns=ms_to_ns(delay_ms),
    )


def configs(
    *,
    interval_cs: st.SearchStrategy[int],
    unique: bool = True,
    preempt: st.SearchStrategy[bool] | None = None,
    version: Version = Version.V3,
) -> st.SearchStrategy[list[VirtualRouterConfig]]:
    """Two to four routers, the ranks in the order of their priorities."""
    priorities = st.lists(st.integers(2, 254), min_size=2, max_size=4, unique=unique)
    return st.builds(
        lambda wanted, cs, mode: [
            config(priority, cs, preempt=mode, rank=rank, version=version)
            for rank, priority in enumerate(sorted(wanted, reverse=True))
        ],
        priorities,
        interval_cs,
        st.just(True) if preempt is None else preempt,
    )


def down_ns(node: Node) -> int:
    interval_cs = node.config.advertisement_interval_cs
    skew_ns = skew_time_ns(node.config.priority, interval_cs, node.config.version)
    return active_down_interval_ns(skew_ns, interval_cs)


def settle(lan: Lan) -> None:
    """Long enough for any router to time out, twice."""
    slowest_cs = max(node.config.advertisement_interval_cs for node in lan.nodes)
    last_resort_ns = last_resort_delay_ns(1_000_000, slowest_cs)
    lan.run(lan.now_ns + 2 * (4 * cs_to_ns(slowest_cs) + last_resort_ns) + NS_PER_MS)


@dataclass(frozen=True)
class Blow:
    """Something that befalls a node after a while."""

    after_ms: int
    kind: str
    target: int
    other: int


BLOWS = st.lists(
    st.builds(
        Blow,
        st.integers(0, 900),
        st.sampled_from(["crash", "boot", "freeze", "thaw", "ill", "well", "cut", "heal", "lossy", "clean"]),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=12,
)


def strike(lan: Lan, blow: Blow) -> None:
    node = lan.nodes[blow.target % len(lan.nodes)]
    other = lan.nodes[blow.other % len(lan.nodes)]
    match blow.kind:
        case "crash":
            lan.crash(node)
        case "boot" if not node.alive:
            lan.boot(node)
        case "freeze" if node.alive:
            lan.freeze(node)
        case "thaw" if node.alive and node.frozen:
            lan.thaw(node)
        case "ill" if node.alive and not node.frozen:
            lan.tell(node, HealthChanged(ILL))
        case "well" if node.alive and not node.frozen:
            lan.tell(node, HealthChanged(WELL))
        case "cut":
            lan.cut.add(frozenset((node.index, other.index)))
        case "heal":
            lan.cut.clear()
        case "lossy" | "clean":
            lan.loss = 0.5 if blow.kind == "lossy" else 0.0


@settings(max_examples=150)
@given(
    st.lists(
        st.builds(
            config,
            st.integers(2, 254),
            st.sampled_from([5, 10, 25]),
            rank=st.integers(0, 3),
            delay_ms=st.sampled_from([0, 0, 300]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
    BLOWS,
    st.integers(0, 2**32),
)
def test_whatever_befell_them_when_it_is_quiet_exactly_one_is_active(
    wanted: list[VirtualRouterConfig], preempt: bool, blows: list[Blow], seed: int
) -> None:
    """Also with mixed intervals, equal priorities and preempt delays."""
    lan = Lan([replace(c, preempt=preempt) for c in wanted], Random(seed))
    _befall(lan, blows)
    lan.run(lan.now_ns + 300 * NS_PER_MS)  # preempt delays are over
    settle(lan)
    _assert_one_best_active(lan, preempt=preempt)


@settings(max_examples=40)
@given(
    st.lists(
        st.builds(config, st.integers(2, 254), st.just(200), rank=st.integers(0, 3), version=st.just(Version.V2)),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
    BLOWS,
    st.integers(0, 2**32),
)
def test_version_2_whatever_befell_them_when_it_is_quiet_exactly_one_is_active(
    wanted: list[VirtualRouterConfig], preempt: bool, blows: list[Blow], seed: int
) -> None:
    lan = Lan([replace(c, preempt=preempt) for c in wanted], Random(seed))
    _befall(lan, [replace(blow, after_ms=20 * blow.after_ms) for blow in blows])
    settle(lan)
    _assert_one_best_active(lan, preempt=preempt)


def _befall(lan: Lan, blows: list[Blow]) -> None:
    """All of them, and then peace."""
    for blow in blows:
        lan.run(lan.now_ns + blow.after_ms * NS_PER_MS)
        strike(lan, blow)
    lan.cut.clear()
    lan.loss = 0.0
    for node in lan.nodes:
        if node.alive and node.frozen:
            lan.thaw(node)


def _assert_one_best_active(lan: Lan, *, preempt: bool) -> None:
    """And that it stays so."""
    living = [node for node in lan.nodes if node.alive]
    assert len(lan.active) == (1 if living else 0)
    if not living:
        return
    best = max(node.router.priority for node in living)
    active = lan.active[0].router.priority
    assert active == best if preempt else (active > 1 or best == 1)
    quiet_since_ns = lan.now_ns
    lan.run(lan.now_ns + 2 * NS_PER_S)
    assert transitions(lan, quiet_since_ns) == []


@given(configs(interval_cs=st.sampled_from([1, 10, 100])), st.integers(0, 3_000), st.integers(0, 2**32))
def test_rule_61_a_takeover_is_neither_early_nor_late(
    wanted: list[VirtualRouterConfig], crash_ms: int, seed: int
) -> None:
    lan = Lan(wanted, Random(seed))
    settle(lan)
    first, second = lan.nodes[:2]
    assert lan.active == [first]
    lan.run(lan.now_ns + crash_ms * NS_PER_MS)
    last_sent_ns = first.router.last_advert_ns
    assert last_sent_ns is not None
    lan.crash(first)
    crashed_ns = lan.now_ns
    lan.run(crashed_ns + cs_to_ns(5 * first.config.advertisement_interval_cs))
    at_ns, index, change = transitions(lan, crashed_ns)[0]
    winner = lan.nodes[index]
    # At 1 cs the Skew_Times of neighbours differ by less than the latencies do.
    assert winner is second or first.config.advertisement_interval_cs == 1
    assert (change.new, change.reason) == (State.ACTIVE, Reason.NO_RESPONSE)
    assert winner.router.takeover_ns == down_ns(winner)
    assert down_ns(winner) < at_ns - last_sent_ns <= down_ns(winner) + MAX_LATENCY_NS


@settings(max_examples=40)
@given(
    configs(interval_cs=st.sampled_from([100, 200, 1000]), version=Version.V2),
    st.integers(0, 3_000),
    st.integers(0, 2**32),
)
def test_rule_83_a_takeover_of_version_2_is_neither_early_nor_late(
    wanted: list[VirtualRouterConfig], crash_ms: int, seed: int
) -> None:
    lan = Lan(wanted, Random(seed))
    settle(lan)
    first, second = lan.nodes[:2]
    assert lan.active == [first]
    lan.run(lan.now_ns + crash_ms * NS_PER_MS)
    last_sent_ns = first.router.last_advert_ns
    assert last_sent_ns is not None
    lan.crash(first)
    crashed_ns = lan.now_ns
    lan.run(crashed_ns + cs_to_ns(5 * first.config.advertisement_interval_cs))
    at_ns, index, _ = transitions(lan, crashed_ns)[0]
    assert lan.nodes[index] is second
    assert down_ns(second) < at_ns - last_sent_ns <= down_ns(second) + MAX_LATENCY_NS


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(config, st.integers(2, 254), st.sampled_from([1, 5, 25, 100])),
        min_size=2,
        max_size=4,
        unique_by=lambda wanted: wanted.priority,
    ),
    st.integers(0, 1_000),
    st.integers(0, 2**32),
)
def test_rule_84_with_mixed_intervals_the_interval_of_the_active_is_waited_for(
    wanted: list[VirtualRouterConfig], crash_ms: int, seed: int
) -> None:
    """Neither the first of the others to fire nor any other one fires early."""
    lan = Lan(sorted(wanted, key=lambda c: -c.priority), Random(seed))
    settle(lan)
    first = lan.nodes[0]
    assert lan.active == [first]
    lan.run(lan.now_ns + crash_ms * NS_PER_MS)
    last_sent_ns = first.router.last_advert_ns
    assert last_sent_ns is not None
    lan.crash(first)
    crashed_ns = lan.now_ns
    lan.run(crashed_ns + cs_to_ns(5 * first.config.advertisement_interval_cs))
    interval_cs = first.config.advertisement_interval_cs
    at_ns, index, change = transitions(lan, crashed_ns)[0]
    wait_ns = active_down_interval_ns(skew_time_ns(lan.nodes[index].config.priority, interval_cs), interval_cs)
    assert change.new is State.ACTIVE
    assert wait_ns < at_ns - last_sent_ns <= wait_ns + MAX_LATENCY_NS


@settings(max_examples=40)
@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 2**32))
def test_preempt_delay_is_kept_from_the_start_and_delays_no_takeover_by_silence(
    delay_ms: int, crash_ms: int, seed: int
) -> None:
    lan = Lan([config(200, delay_ms=delay_ms), config(100)], Random(seed))
    better, other = lan.nodes
    settle(lan)
    assert lan.active == [better]
    lan.crash(better)
    settle(lan)
    assert lan.active == [other]
    lan.boot(better)
    booted_ns = lan.now_ns
    lan.run(booted_ns + ms_to_ns(crash_ms))
    alone = lan.active == [other]
    if alone:
        lan.crash(other)
    crashed_ns = lan.now_ns
    settle(lan)
    lan.run(lan.now_ns + ms_to_ns(delay_ms))
    assert lan.active == [better]
    at_ns = next(at for at, index, change in transitions(lan, booted_ns) if change.new is State.ACTIVE)
    if alone:
        assert at_ns - crashed_ns <= down_ns(better) + MAX_LATENCY_NS
    else:
        assert at_ns - booted_ns >= ms_to_ns(delay_ms)


@given(configs(interval_cs=st.just(10), preempt=st.booleans()), st.lists(st.integers(0, 2), max_size=60))
def test_two_lost_adverts_in_a_row_move_nothing(wanted: list[VirtualRouterConfig], losses: list[int]) -> None:
    lan = Lan(wanted, Random(0))
    settle(lan)
    settled_ns = lan.now_ns
    for lost in losses:
        lan.loss = 1.0
        for _ in range(lost):
            _run_until_advert(lan)
        lan.loss = 0.0
        _run_until_advert(lan)
    lan.run(lan.now_ns + NS_PER_S)
    assert transitions(lan, settled_ns) == []


def _run_until_advert(lan: Lan) -> None:
    """Past the next beat of the Active, and its delivery."""
    deadline_ns = lan.active[0].router.deadline_ns
    assert deadline_ns is not None
    lan.run(deadline_ns + MAX_LATENCY_NS + 1)


@given(
    configs(interval_cs=st.sampled_from([10, 25, 100]), preempt=st.booleans()),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 3), st.booleans()), max_size=20),
    st.integers(0, 2**32),
)
def test_on_a_whole_lan_two_hold_the_address_for_no_longer_than_an_advert_travels(
    wanted: list[VirtualRouterConfig], health: list[tuple[int, int, bool]], seed: int
) -> None:
    lan = Lan(wanted, Random(seed))
    for after_ms, index, ill in health:
        lan.run(lan.now_ns + after_ms * NS_PER_MS)
        lan.tell(lan.nodes[index % len(lan.nodes)], HealthChanged(ILL if ill else WELL))
    settle(lan)
    assert lan.longest_double_ns <= MAX_LATENCY_NS


@given(configs(interval_cs=st.just(10)), st.integers(0, 2_000), st.integers(0, 2**32))
def test_a_frozen_active_thaws_without_disturbing_its_successor(
    wanted: list[VirtualRouterConfig], frozen_ms: int, seed: int
) -> None:
    """Preempting it a down interval later is its right; until then it is silent."""
    lan = Lan(wanted, Random(seed))
    settle(lan)
    first = lan.nodes[0]
    last_sent_ns = first.router.last_advert_ns
    assert last_sent_ns is not None
    lan.freeze(first)
    lan.run(lan.now_ns + frozen_ms * NS_PER_MS)
    successors = [node for node in lan.active if node is not first]
    thawed_ns = lan.now_ns
    lan.thaw(first)
    spoke = any(
        index == first.index and isinstance(action, SendAdvert) and at == thawed_ns for at, index, action in lan.log
    )
    assert not (successors and spoke)
    assert bool(first.held) == (thawed_ns - last_sent_ns <= cs_to_ns(3 * 10))
    settle(lan)
    assert lan.active == [first]


@given(configs(interval_cs=st.sampled_from([10, 100])), st.integers(0, 2**32))
def test_when_all_fall_ill_exactly_one_holds_the_address_and_the_first_to_be_well_gets_it(
    wanted: list[VirtualRouterConfig], seed: int
) -> None:
    lan = Lan(wanted, Random(seed))
    settle(lan)
    for node in lan.nodes:
        lan.tell(node, HealthChanged(ILL))
        lan.run(lan.now_ns + NS_PER_MS)
    settle(lan)
    assert [node.router.priority for node in lan.active] == [1]
    lan.tell(lan.nodes[-1], HealthChanged(WELL))
    settle(lan)
    assert lan.active == [lan.nodes[-1]]


@settings(max_examples=100)
@given(st.lists(st.integers(2, 254), min_size=2, max_size=3, unique=True), st.integers(0, 2000), st.integers(0, 2**32))
def test_who_stays_active_after_a_parted_segment_heals_announces_again(
    priorities: list[int], parted_ms: int, seed: int
) -> None:
    """Whoever was with the loser meanwhile has learned its MAC address, also when the loser gave up at once."""
    lan = Lan(
        [config(priority, rank=rank) for rank, priority in enumerate(sorted(priorities, reverse=True))], Random(seed)
    )
    settle(lan)
    best = lan.nodes[0]
    lan.cut = {frozenset((best.index, other.index)) for other in lan.nodes[1:]}
    settle(lan)
    lan.run(lan.now_ns + parted_ms * NS_PER_MS)
    assert len(lan.active) == 2
    healed_ns = lan.now_ns
    lan.cut.clear()
    settle(lan)
    assert lan.active == [best]
    assert any(
        at_ns >= healed_ns and index == best.index and isinstance(action, Announce) for at_ns, index, action in lan.log
    )
