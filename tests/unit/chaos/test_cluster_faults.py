"""tests/chaos/cluster_faults.py"""

from __future__ import annotations

from collections import Counter
from itertools import islice

from tests.chaos.cluster_faults import MOST_DEATHS, PROMISES, ClusterFault, draw

NODES = ("one", "two", "three")


def test_a_seed_draws_the_same_steps_again_and_each_fault_once_before_any_comes_again() -> None:
    steps = list(islice(draw(7, NODES), len(ClusterFault)))
    assert steps == list(islice(draw(7, NODES), len(ClusterFault)))
    assert steps != list(islice(draw(8, NODES), len(ClusterFault)))
    assert {step.fault for step in steps} == set(ClusterFault)


def test_something_is_promised_for_each() -> None:
    assert set(PROMISES) == set(ClusterFault)


def test_no_container_dies_so_often_that_the_kubelet_waits_for_minutes() -> None:
    deaths = Counter((step.fault, step.host) for step in islice(draw(7, NODES), 200))
    for fault in (ClusterFault.KILL_NGINX, ClusterFault.KILL_SPEAKER):
        assert all(deaths[fault, node] <= MOST_DEATHS for node in NODES)


def test_an_edit_makes_another_node_the_best() -> None:
    before = "one"
    for step in islice(draw(7, NODES), 100):
        assert (step.best != before) == (step.fault is ClusterFault.EDIT)
        before = step.best
