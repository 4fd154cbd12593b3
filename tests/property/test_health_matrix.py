"""Health x preempt x onFailure, cell by cell: who holds the address after each step.

Three routers on a LAN in memory, a (200), b (100), c (50). A step is a node that falls ill (`a-`) or is well again
(`a+`); after each one the LAN settles and the owner is asked for. `.` is nobody. Preempt delayed: the delay is longer
than the story, and passes at its end (the last letter).

What each column says:

    Yield     Release          the first letter is who holds it at the start
    preempt   preempt=true     the best healthy one, always
    keep      preempt=false    whoever has it, until it falls ill
    delayed   preemptDelay     as keep, and in the end as preempt
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from random import Random

import pytest

from tests.property.lan import VIP, VRID, Lan, transitions
from vipkeeper.health.damping import Damping
from vipkeeper.vrrp.advert import Family
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import HealthChanged
from vipkeeper.vrrp.state import State
from vipkeeper.vrrp.units import NS_PER_S

PRIORITIES = {"a": 200, "b": 100, "c": 50}
DELAY_NS = 30 * NS_PER_S
SETTLE_NS = 2 * NS_PER_S
MODES = ("preempt", "keep", "delayed")
ON_FAILURE = ("Yield", "Release")

TABLE = [
    # story                   Yield:    preempt    keep       delayed     Release:  preempt    keep       delayed
    ("a Backup ill and well", "b- b+", ("aaa", "aaa", "aaaa"), ("aaa", "aaa", "aaaa")),
    ("the Active ill and well", "a- a+", ("aba", "abb", "abba"), ("aba", "abb", "abba")),
    ("the Active and the next", "a- b- a+ b+", ("abcaa", "abccc", "abccca"),
     ("abcaa", "abccc", "abccca")),
    ("the next is back first", "a- b- b+ a+", ("abcba", "abccc", "abccca"), ("abcba", "abccc", "abccca")),
    ("a Backup, then the Active", "b- a- a+ b+", ("aacaa", "aaccc", "aaccca"), ("aacaa", "aaccc", "aaccca")),
    ("all ill, the best is back first", "a- b- c- a+ b+ c+", ("abcaaaa", "abcaaaa", "abcaaaaa"),
     ("abc.aaa", "abc.aaa", "abc.aaaa")),
    ("all ill, the last is back first", "a- b- c- c+ b+ a+", ("abcacba", "abcaccc", "abcaccca"),
     ("abc.cba", "abc.ccc", "abc.ccca")),
    ("all ill, the middle is back first", "a- b- c- b+ a+ c+", ("abcabaa", "abcabbb", "abcabbba"),
     ("abc.baa", "abc.bbb", "abc.bbba")),
    ("all ill, Backups first", "c- b- a- b+ a+", ("aaaaba", "aaaabb", "aaaabba"), ("aaa.ba", "aaa.bb", "aaa.bba")),
    ("all ill, and again", "a- b- c- c+ c-", ("abcaca", "abcaca", "abcacaa"), ("abc.c.", "abc.c.", "abc.c..")),
]  # fmt: skip


ILL = frozenset({"NginxGone"})


def config(name: str, mode: str, on_failure: str) -> VirtualRouterConfig:
    return VirtualRouterConfig(
        VRID,
        Family.IPV4,
        PRIORITIES[name],
        (VIP,),
        advertisement_interval_cs=10,
        preempt=mode != "keep",
        rank=list(PRIORITIES).index(name),
        preempt_delay_ns=DELAY_NS if mode == "delayed" else 0,
        release=ILL if on_failure == "Release" else frozenset(),
    )


class Story:
    """The LAN, and who was well when."""

    def __init__(self, mode: str, on_failure: str) -> None:
        self.lan = Lan([config(name, mode, on_failure) for name in PRIORITIES], Random(1))
        self._past(SETTLE_NS)

    def tell(self, step: str) -> str:
        """The owner after one step."""
        name, what = step[0], step[1]
        node = self.lan.nodes[list(PRIORITIES).index(name)]
        self.lan.tell(node, HealthChanged(ILL if what == "-" else frozenset()))
        return self._past(SETTLE_NS)

    def past_the_delay(self) -> str:
        return self._past(DELAY_NS + SETTLE_NS)

    @property
    def owner(self) -> str:
        owners = "".join(name for name, node in zip(PRIORITIES, self.lan.nodes, strict=True) if node.held)
        return owners or "."

    def _past(self, time_ns: int) -> str:
        self.lan.run(self.lan.now_ns + time_ns)
        assert self.lan.longest_double_ns < NS_PER_S // 10, "two owners for longer than a good-bye takes"
        return self.owner


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("on_failure", ON_FAILURE)
@pytest.mark.parametrize(("story", "steps", "yields", "releases"), TABLE, ids=[row[0] for row in TABLE])
def test_who_holds_the_address(
    story: str, steps: str, yields: tuple[str, ...], releases: tuple[str, ...], on_failure: str, mode: str
) -> None:
    expected = (yields if on_failure == "Yield" else releases)[MODES.index(mode)]
    told = Story(mode, on_failure)
    owners = told.owner + "".join(told.tell(step) for step in steps.split())
    if mode == "delayed":
        owners += told.past_the_delay()
    assert owners == expected, f"{story}: {steps}"


def owner_after(before: str, well: set[str], mode: str, on_failure: str) -> str:
    """The rule in words: the same as the table, for the orders that it does not spell out."""
    if not well:
        return "." if on_failure == "Release" else "a"  # the ill wait by rank
    best = min(well)  # a is before b
    return best if mode == "preempt" or before not in well else before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("on_failure", ON_FAILURE)
@pytest.mark.parametrize("falling", ["".join(order) for order in permutations(PRIORITIES)])
@pytest.mark.parametrize("rising", ["".join(order) for order in permutations(PRIORITIES)])
def test_every_order_of_falling_ill_and_of_being_well_again(
    falling: str, rising: str, on_failure: str, mode: str
) -> None:
    told = Story(mode, on_failure)
    owner, well = told.owner, set(PRIORITIES)
    for step in [f"{name}-" for name in falling] + [f"{name}+" for name in rising]:
        well = well - {step[0]} if step[1] == "-" else well | {step[0]}
        owner = owner_after(owner, well, mode, on_failure)
        assert told.tell(step) == owner, step
    if mode == "delayed":
        assert told.past_the_delay() == "a"


@pytest.mark.parametrize("on_failure", ON_FAILURE)
def test_a_node_that_starts_ill_takes_the_address_only_as_the_last_resort(on_failure: str) -> None:
    told = Story("preempt", on_failure)
    told.tell("b-")
    told.tell("c-")
    told.lan.crash(told.lan.nodes[0])
    assert told._past(SETTLE_NS) == ("b" if on_failure == "Yield" else ".")
    told.lan.boot(told.lan.nodes[0])
    assert told._past(SETTLE_NS) == "a"


@pytest.mark.parametrize("on_failure", ON_FAILURE)
@pytest.mark.parametrize(("damping", "least", "most"), [(True, 2, 5), (False, 50, 70)], ids=["damped", "not damped"])
def test_a_node_that_flaps_for_a_quarter_of_an_hour_moves_the_address_a_few_times(
    on_failure: str, damping: bool, least: int, most: int
) -> None:
    """Ill for 3 s of each 15 s. The row without damping shows what it is for."""
    slow = [replace(config(name, "preempt", on_failure), advertisement_interval_cs=100) for name in PRIORITIES]
    lan = Lan(slow, Random(1))
    lan.run(10 * NS_PER_S)
    begin_ns, health = lan.now_ns, Damping()
    for number in range(60):
        for ill, at_s in ((True, 0), (False, 3)):
            lan.run(begin_ns + (15 * number + at_s) * NS_PER_S)
            health = health.seen(ill, lan.now_ns)
            damped = damping and health.is_damped(lan.now_ns)
            lan.tell(lan.nodes[0], HealthChanged(frozenset({"NginxGone"} if ill else ()), damped))
    taken = [index for _at, index, action in transitions(lan, begin_ns) if action.new is State.ACTIVE and index == 0]
    assert least <= len(taken) <= most
    lan.tell(lan.nodes[0], HealthChanged(frozenset()))  # it is over
    lan.run(lan.now_ns + 10 * NS_PER_S)
    assert [node.index for node in lan.nodes if node.held] == [0]


@pytest.mark.parametrize("on_failure", ON_FAILURE)
def test_a_damped_node_goes_before_the_ill_and_behind_the_well(on_failure: str) -> None:
    told = Story("preempt", on_failure)
    a = told.lan.nodes[0]
    told.tell("a-")
    told.lan.tell(a, HealthChanged(frozenset(), damped=True))
    assert told._past(SETTLE_NS) == "b"
    assert told.tell("b-") == "c", "a is well, but it is damped"
    assert told.tell("c-") == "a", "better than the ill"
    assert told.tell("b+") == "a", "it is damped no more"
