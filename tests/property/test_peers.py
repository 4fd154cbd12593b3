"""Routers whose engines talk by unicast: never two owners, never none, whatever of the wires is broken.

The promises of ARCHITECTURE.md about witness, handover and the trap of a dead segment, for any wishes and seeds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import permutations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

import vipkeeper
from tests.property.lan import MAX_LATENCY_NS, Node, transitions
from tests.property.peered_lan import PeeredLan
from tests.property.test_lan import ILL, WELL, config, down_ns
from tests.unit.journal.samples import HEADER
from vipkeeper.journal.file import compose, read
from vipkeeper.journal.replay import events, replay
from vipkeeper.peering.book import HELLO_NS
from vipkeeper.vrrp.actions import HandOver
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import ConfigChanged, HealthChanged
from vipkeeper.vrrp.state import Reason, State
from vipkeeper.vrrp.timers import HANDOVER_LIMIT_NS, last_resort_delay_ns
from vipkeeper.vrrp.units import NS_PER_MS, NS_PER_S, cs_to_ns

SETTLING_NS = 3 * MAX_LATENCY_NS
"""Two that became Active at one time hear it, and one gives up."""
HUNT = int(os.environ.get("VIPKEEPER_HUNT", "1"))
"""So many times more examples: for whoever looks for defects, not for CI."""
SEEDS = st.integers(0, 2**32)


def with_peers(wanted: VirtualRouterConfig) -> VirtualRouterConfig:
    return replace(wanted, hand_over=True, witness=True)


def peers(
    *, least: int = 2, interval_cs: tuple[int, ...] = (5, 10, 25, 100), preempt: bool | None = None
) -> st.SearchStrategy[list[VirtualRouterConfig]]:
    """Two to four, the best one first, each with another priority: so the operator gives them out."""
    return st.builds(
        lambda priorities, cs, mode: [
            with_peers(config(priority, cs, preempt=mode, rank=rank))
            for rank, priority in enumerate(sorted(priorities, reverse=True))
        ],
        st.lists(st.integers(2, 254), min_size=least, max_size=4, unique=True),
        st.sampled_from(interval_cs),
        st.booleans() if preempt is None else st.just(preempt),
    )


def settle(lan: PeeredLan) -> None:
    """Long enough for a down timer, an ill one's as well, and for a hello after it."""
    slowest_cs = max(node.config.advertisement_interval_cs for node in lan.nodes)
    lan.run(lan.now_ns + 2 * (4 * cs_to_ns(slowest_cs) + last_resort_delay_ns(9, slowest_cs)) + HELLO_NS + NS_PER_MS)


def settled(wanted: list[VirtualRouterConfig], seed: int, *, far: bool = False, offset_ms: int = 0) -> PeeredLan:
    """The best one is Active; and it is another moment of its cadence."""
    lan = PeeredLan(wanted, Random(seed), far=far)
    settle(lan)
    lan.run(lan.now_ns + offset_ms * NS_PER_MS)
    assert lan.active == [lan.nodes[0]]
    lan.count_from_here()
    return lan


def assert_replayed(lan: PeeredLan) -> None:
    journal = read(b"".join(compose(HEADER, [], lan.journal.lines())), vipkeeper.__version__)
    assert replay(journal) == []
    assert events(journal) > 0


def block(lan: PeeredLan, how: Random) -> None:
    """Adverts between any of them, in any direction."""
    lan.blocked = {pair for pair in permutations(range(lan.size), 2) if how.random() < how.choice([0.3, 0.7, 1.0])}


@dataclass(frozen=True)
class Turn:
    """What happens to a node while VRRP is blocked."""

    after_ms: int
    kind: str
    target: int


TURNS = st.lists(
    st.builds(
        Turn,
        st.integers(0, 900),
        st.sampled_from(["ill", "well", "crash", "boot", "stop", "block", "heal"]),
        st.integers(0, 3),
    ),
    max_size=8,
)


def take(lan: PeeredLan, turn: Turn, how: Random) -> None:
    node = lan.nodes[turn.target % lan.size]
    match turn.kind:
        case "ill" | "well" if node.alive:
            lan.tell(node, HealthChanged(ILL if turn.kind == "ill" else WELL))
        case "crash" if node.alive:
            lan.crash(node)
        case "stop" if node.alive:
            lan.stop(node)
        case "boot" if not node.alive:
            lan.boot(node)
        case "block":
            block(lan, how)
        case "heal":
            lan.blocked = set()
        case _:
            pass


def assert_one_owner(lan: PeeredLan) -> None:
    """And it stays so."""
    living = [node for node in lan.nodes if node.alive]
    assert len(lan.active) == (1 if living else 0)
    if living and any(not node.router.ailments for node in living):
        assert not lan.active[0].router.ailments
    quiet_since_ns = lan.now_ns
    lan.run(lan.now_ns + 2 * NS_PER_S)
    assert transitions(lan, quiet_since_ns) == []


@settings(max_examples=60 * HUNT)
@given(peers(), TURNS, st.booleans(), SEEDS)
def test_with_vrrp_blocked_between_any_of_them_there_are_never_two_owners(
    wanted: list[VirtualRouterConfig], turns: list[Turn], far: bool, seed: int
) -> None:
    how = Random(seed)
    lan = settled(wanted, seed, far=far)
    block(lan, how)
    for turn in turns:
        lan.run(lan.now_ns + turn.after_ms * NS_PER_MS)
        take(lan, turn, how)
    settle(lan)
    assert lan.longest_double_ns <= SETTLING_NS
    assert_one_owner(lan)
    assert_replayed(lan)


@settings(max_examples=50 * HUNT)
@given(peers(), st.integers(0, 1_200), st.booleans(), st.booleans(), SEEDS)
def test_a_dead_active_is_followed_as_soon_as_without_peers_and_never_early(
    wanted: list[VirtualRouterConfig], offset_ms: int, far: bool, blocked: bool, seed: int
) -> None:
    """`blocked`: between the Backups, which know of each other by unicast only."""
    lan = settled(wanted, seed, far=far, offset_ms=offset_ms)
    first = lan.nodes[0]
    if blocked:
        lan.blocked = {pair for pair in permutations(range(lan.size), 2) if first.index not in pair}
    last_sent_ns = first.router.last_advert_ns
    assert last_sent_ns is not None
    lan.crash(first)
    crashed_ns = lan.now_ns
    lan.run(crashed_ns + cs_to_ns(6 * first.config.advertisement_interval_cs))
    at_ns, index, change = transitions(lan, crashed_ns)[0]
    assert change.reason is Reason.NO_RESPONSE
    winner = lan.nodes[index]
    assert down_ns(winner) < at_ns - last_sent_ns <= down_ns(winner) + MAX_LATENCY_NS
    assert lan.longest_double_ns <= SETTLING_NS
    assert len(lan.active) == 1
    assert_replayed(lan)


@settings(max_examples=60 * HUNT)
@given(peers(interval_cs=(1, 10, 25)), st.integers(0, 4_000), st.booleans(), st.booleans(), SEEDS)
def test_parted_on_all_ways_they_are_one_again_within_a_second_of_healing(
    wanted: list[VirtualRouterConfig], parted_ms: int, far: bool, vrrp_stays_blocked: bool, seed: int
) -> None:
    lan = settled(wanted, seed, far=far)
    best = lan.nodes[0]
    lan.off_the_segment(best)
    lan.far_cut = {frozenset((best.index, other)) for other in range(1, lan.size)}
    lan.run(lan.now_ns + cs_to_ns(5 * best.config.advertisement_interval_cs) + parted_ms * NS_PER_MS)
    assert len(lan.active) == 2
    if vrrp_stays_blocked:
        lan.blocked = set(permutations(range(lan.size), 2))
    lan.cut, lan.far_cut = set(), set()
    lan.run(lan.now_ns + HELLO_NS + SETTLING_NS)
    lan.count_from_here()
    assert len(lan.active) == 1
    settle(lan)
    assert lan.active == [best]
    assert lan.longest_double_ns <= SETTLING_NS
    assert_replayed(lan)


@settings(max_examples=50 * HUNT)
@given(peers(preempt=True), st.integers(0, 1_200), SEEDS)
def test_an_active_whose_segment_is_dead_is_not_kept_in_office_by_the_second_network(
    wanted: list[VirtualRouterConfig], offset_ms: int, seed: int
) -> None:
    """Twice the Active_Down_Interval from its last advert that was heard, and not before one of them is over."""
    lan = settled(wanted, seed, far=True, offset_ms=offset_ms)
    first, second = lan.nodes[:2]
    last_sent_ns = first.router.last_advert_ns
    assert last_sent_ns is not None
    lan.off_the_segment(first)
    lan.run(last_sent_ns + 2 * down_ns(second))
    assert lan.active
    assert first not in lan.active
    assert not first.held
    assert transitions(lan, last_sent_ns)[0][2].new is State.ACTIVE  # the addresses are taken over, then given up
    assert lan.longest_double_ns <= SETTLING_NS
    settle(lan)
    assert len(lan.active) == 1
    assert first not in lan.active  # it does not want them back
    lan.cut = set()
    settle(lan)
    assert lan.active == [first]
    assert lan.longest_double_ns <= SETTLING_NS
    assert_replayed(lan)


@settings(max_examples=40 * HUNT)
@given(peers(preempt=True), st.integers(0, 1_200), st.integers(0, 2_000), SEEDS)
def test_a_backup_that_is_off_the_segment_takes_nothing_from_an_active_that_hears_it(
    wanted: list[VirtualRouterConfig], offset_ms: int, cut_ms: int, seed: int
) -> None:
    lan = settled(wanted, seed, far=True, offset_ms=offset_ms)
    began_ns = lan.now_ns
    lan.off_the_segment(lan.nodes[-1])
    lan.run(lan.now_ns + cs_to_ns(8 * lan.nodes[0].config.advertisement_interval_cs) + cut_ms * NS_PER_MS)
    assert transitions(lan, began_ns) == []
    lan.cut = set()
    settle(lan)
    assert transitions(lan, began_ns) == []
    assert_replayed(lan)


@settings(max_examples=50 * HUNT)
@given(peers(), st.integers(0, 1_200), st.booleans(), st.booleans(), SEEDS)
def test_who_stops_hands_over_with_the_address_on_one_host_at_least_and_two_for_no_longer_than_messages_travel(
    wanted: list[VirtualRouterConfig], offset_ms: int, far: bool, blocked: bool, seed: int
) -> None:
    """All but the last one, one after the other."""
    lan = settled(wanted, seed, far=far, offset_ms=offset_ms)
    if blocked:
        block(lan, Random(seed))
    for node, successor in zip(lan.nodes, lan.nodes[1:], strict=False):
        lan.stop(node)
        lan.run(lan.now_ns + 10 * NS_PER_MS)
        assert lan.active == [successor]
        assert successor.router.reason is Reason.HANDOVER
    settle(lan)
    assert lan.active == [lan.nodes[-1]]
    assert lan.longest_none_ns == 0
    assert lan.longest_double_ns <= SETTLING_NS
    assert_replayed(lan)


@settings(max_examples=60 * HUNT)
@given(peers(least=3, preempt=True), st.data(), SEEDS)
def test_who_is_ill_or_gone_is_passed_over_in_a_handover(
    wanted: list[VirtualRouterConfig], data: st.DataObject, seed: int
) -> None:
    lan = settled(wanted, seed)
    unfit = data.draw(st.sets(st.integers(1, lan.size - 1), max_size=lan.size - 2))
    for index in sorted(unfit):
        lan.tell(lan.nodes[index], HealthChanged(ILL))
    if data.draw(st.booleans()):  # else their word of it is still on its way, and they have to refuse
        lan.run(lan.now_ns + NS_PER_S)
    lan.stop(lan.nodes[0])
    lan.run(lan.now_ns + HANDOVER_LIMIT_NS)
    fit = next(node for node in lan.nodes[1:] if node.index not in unfit)
    assert lan.active == [fit]
    assert fit.router.reason is Reason.HANDOVER
    assert lan.longest_none_ns == 0
    settle(lan)
    assert lan.active == [fit]
    assert_replayed(lan)


@settings(max_examples=40 * HUNT)
@given(peers(), st.permutations([0, 1, 2, 3]), st.integers(0, 20_000), st.booleans(), SEEDS)
def test_who_is_taken_out_of_the_nodes_hands_over_whoever_is_told_of_it_first(
    wanted: list[VirtualRouterConfig], order: list[int], apart_us: int, far: bool, seed: int
) -> None:
    lan = settled(wanted, seed, far=far)
    left = range(1, lan.size)
    for index in [index for index in order if index < lan.size]:
        if index == 0:
            lan.stop(lan.nodes[0])
        lan.engines[index].plan(left)
        lan.run(lan.now_ns + apart_us * 1000)
    lan.run(lan.now_ns + 10 * NS_PER_MS)
    assert lan.active == [lan.nodes[1]]
    assert lan.nodes[1].router.reason is Reason.HANDOVER
    assert lan.longest_none_ns == 0
    assert lan.longest_double_ns <= SETTLING_NS
    assert_replayed(lan)


@settings(max_examples=40 * HUNT)
@given(peers(preempt=True), st.booleans(), st.booleans(), SEEDS)
def test_an_edit_that_makes_another_one_the_best_moves_the_address_without_a_gap(
    wanted: list[VirtualRouterConfig], far: bool, blocked: bool, seed: int
) -> None:
    lan = settled(wanted, seed, far=far)
    first, last = lan.nodes[0], lan.nodes[-1]
    if blocked:
        lan.blocked = set(permutations(range(lan.size), 2))
        settle(lan)
    top, low = first.config.priority, last.config.priority
    for node, priority in ((first, low), (last, top)):
        node.config = replace(node.config, priority=priority)
        lan.tell(node, ConfigChanged(node.config))
    settle(lan)
    assert lan.active == [last]
    assert lan.longest_none_ns == 0
    assert lan.longest_double_ns <= SETTLING_NS
    if blocked:
        assert any(isinstance(action, HandOver) for _, index, action in lan.log if index == first.index)
    assert_replayed(lan)


MISFORTUNES = st.lists(
    st.builds(
        Turn,
        st.integers(0, 900),
        st.sampled_from(
            ["ill", "well", "crash", "boot", "stop", "block", "heal", "off", "on", "far", "near", "lossy", "clean"]
        ),
        st.integers(0, 3),
    ),
    max_size=12,
)


def befall(lan: PeeredLan, turn: Turn, how: Random) -> None:
    node = lan.nodes[turn.target % lan.size]
    match turn.kind:
        case "off":
            lan.off_the_segment(node)
        case "on":
            lan.cut = set()
        case "far":
            lan.far_cut = {frozenset((node.index, other)) for other in range(lan.size) if other != node.index}
        case "near":
            lan.far_cut = set()
        case "lossy" | "clean":
            lan.loss = lan.datagram_loss = 0.4 if turn.kind == "lossy" else 0.0
        case _:
            take(lan, turn, how)


@settings(max_examples=60 * HUNT)
@given(peers(), MISFORTUNES, st.booleans(), st.booleans(), SEEDS)
def test_whatever_befell_them_exactly_one_is_active_when_the_segment_works_again(
    wanted: list[VirtualRouterConfig], misfortunes: list[Turn], far: bool, vrrp_stays_blocked: bool, seed: int
) -> None:
    """Also when VRRP stays blocked: by unicast alone."""
    how = Random(seed)
    lan = PeeredLan(wanted, Random(seed), far=far)
    for turn in misfortunes:
        lan.run(lan.now_ns + turn.after_ms * NS_PER_MS)
        befall(lan, turn, how)
    lan.cut, lan.far_cut, lan.loss, lan.datagram_loss = set(), set(), 0.0, 0.0
    lan.blocked = set(permutations(range(lan.size), 2)) if vrrp_stays_blocked else set()
    settle(lan)
    settle(lan)
    assert_one_owner(lan)
    _assert_best(lan)
    assert_replayed(lan)


def _assert_best(lan: PeeredLan) -> None:
    """With preemption."""
    living: list[Node] = [node for node in lan.nodes if node.alive]
    if living and living[0].config.preempt and lan.active[0].router.priority > 1:
        assert lan.active[0] is max(living, key=lambda node: node.router.priority)
