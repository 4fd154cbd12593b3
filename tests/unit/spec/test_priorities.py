"""operator/vipkeeper/spec/priorities.py"""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as some

from vipkeeper.ipc.rendered import NodeShare
from vipkeeper.spec.placement import Node
from vipkeeper.spec.priorities import effective_priorities, wanted_priorities
from vipkeeper.spec.virtualip import NodePriority

WANTED = some.dictionaries(some.text(max_size=4), some.integers(2, 254), max_size=300)


def test_wanted_priorities_are_the_first_entry_that_fits_else_the_default() -> None:
    nodes = [Node("a", {"rack": "1"}), Node("b", {"rack": "1"}), Node("c", {})]
    entries = [
        NodePriority(name="b", priority=200),
        NodePriority.model_validate({"selector": {"matchLabels": {"rack": "1"}}, "priority": 150}),
        NodePriority(name="a", priority=250),
    ]
    assert wanted_priorities(nodes, 100, entries) == {"a": 150, "b": 200, "c": 100}


def test_different_wishes_are_fulfilled_as_they_are() -> None:
    assert effective_priorities({"a": 100, "b": 150, "c": 200}, "uid") == {
        "c": NodeShare(200, 0),
        "b": NodeShare(150, 1),
        "a": NodeShare(100, 2),
    }


def test_equal_wishes_become_distinct_downwards() -> None:
    shares = effective_priorities({"a": 100, "b": 100, "c": 99, "d": 150}, "uid")
    assert shares["d"].priority == 150
    assert {shares["a"].priority, shares["b"].priority} == {100, 99}
    assert shares["c"].priority == 98


def test_virtualips_of_equal_nodes_prefer_different_ones() -> None:
    wanted = dict.fromkeys(["worker1", "worker2", "worker3"], 100)
    first = [
        min(wanted, key=lambda node: shares[node].rank)
        for shares in (effective_priorities(wanted, f"uid-{n}") for n in range(60))
    ]
    assert {node: first.count(node) > 8 for node in wanted} == dict.fromkeys(wanted, True)


@given(WANTED)
def test_no_election_ties_as_long_as_there_are_numbers(wanted: dict[str, int]) -> None:
    shares = effective_priorities(wanted, "uid")
    numbers = [share.priority for share in shares.values() if share.priority > 2]
    assert len(numbers) == len(set(numbers))
    assert all(2 <= share.priority <= max(2, wanted[node]) for node, share in shares.items())
    assert sorted(share.rank for share in shares.values()) == list(range(len(wanted)))


@given(WANTED)
def test_who_is_wanted_more_never_gets_less(wanted: dict[str, int]) -> None:
    shares = effective_priorities(wanted, "uid")
    order = sorted(wanted, key=lambda node: shares[node].rank)
    for ahead, behind in itertools.pairwise(order):
        assert wanted[ahead] >= wanted[behind]
        assert shares[ahead].priority > shares[behind].priority or shares[behind].priority == 2


def test_the_surplus_beyond_253_nodes_shares_the_lowest_priority_and_keeps_its_ranks() -> None:
    shares = effective_priorities({f"node{number:03}": 254 for number in range(300)}, "uid")
    lowest = [share for share in shares.values() if share.priority == 2]
    assert len(lowest) == 300 - 252
    assert len({share.rank for share in lowest}) == len(lowest)


@given(WANTED, some.randoms())
def test_the_order_in_which_nodes_are_seen_does_not_matter(wanted: dict[str, int], random: object) -> None:
    shuffled = list(wanted.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert effective_priorities(dict(shuffled), "uid") == effective_priorities(wanted, "uid")


def test_one_node_can_come_before_all_others() -> None:
    shares = effective_priorities({"w1": 255, "w2": 100, "w3": 254}, "uid", first="w2")
    assert shares == {"w2": NodeShare(254, 0), "w1": NodeShare(253, 1), "w3": NodeShare(252, 2)}
    assert effective_priorities({"w1": 100}, "uid", first="w9") == effective_priorities({"w1": 100}, "uid")
