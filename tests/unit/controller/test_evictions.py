"""operator/vipkeeper/controller/evictions.py: threads, and an API server that says what it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.support.waiting import wait_until
from vipkeeper.controller import evictions
from vipkeeper.controller.api import ApiUnreachable
from vipkeeper.controller.evictions import MAX_THREADS, TURN_S, EvictionWatch

EVICTED = {
    "status": {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]}
}
QUIET: dict[str, Any] = {"status": {}}


class Pods:
    """`listed` and `events` by node; a watch without events waits until the test ends, or for `turn_s`."""

    def __init__(self) -> None:
        self.listed: dict[str, list[dict[str, Any]]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[str] = []
        self.failures = 0
        self.at_end = threading.Event()
        self.turn_s = 60.0

    def pods_of(self, node: str) -> tuple[list[dict[str, Any]], int]:
        self.asked.append(node)
        if self.failures:
            self.failures -= 1
            raise ApiUnreachable("away")
        return self.listed.get(node, [QUIET]), 7

    def follow_pods_of(self, node: str, version: int, seconds: int) -> Iterator[dict[str, Any]]:
        assert (version, seconds) == (7, TURN_S)
        yield from self.events.get(node, [])
        self.at_end.wait(self.turn_s)


@pytest.fixture
def pods() -> Iterator[Pods]:
    pods = Pods()
    yield pods
    pods.at_end.set()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def watch(pods: Pods, told: list[str]) -> Iterator[EvictionWatch]:
    watch = EvictionWatch(lambda: pods, told.append)
    yield watch
    watch.watch(())


def soon(what: str, probe: Callable[[], object]) -> None:
    wait_until(what, probe, 10)


def test_a_pod_that_is_being_evicted_already_is_found(watch: EvictionWatch, pods: Pods, told: list[str]) -> None:
    pods.listed["w1"] = [QUIET, EVICTED]
    watch.watch({"w1"})
    soon("it is told", lambda: told == ["w1"])


def test_an_eviction_is_told_when_it_happens_and_once(watch: EvictionWatch, pods: Pods, told: list[str]) -> None:
    pods.events["w2"] = [{"type": "MODIFIED", "object": QUIET}, {"type": "MODIFIED", "object": EVICTED}]
    watch.watch({"w1", "w2"})
    soon("it is told", lambda: told)
    assert told == ["w2"]


def test_nobody_is_asked_about_nodes_that_do_not_matter(watch: EvictionWatch, pods: Pods) -> None:
    watch.watch(())
    watch.watch({"w1"})
    soon("w1 is looked at", lambda: pods.asked)
    assert set(pods.asked) == {"w1"}


def test_an_api_server_that_is_away_is_asked_again(
    watch: EvictionWatch, pods: Pods, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evictions, "PAUSE_S", 0.01)
    pods.failures = 3
    pods.listed["w1"] = [EVICTED]
    watch.watch({"w1"})
    soon("it is told", lambda: told == ["w1"])


def test_a_watch_that_is_too_old_begins_again(watch: EvictionWatch, pods: Pods, told: list[str]) -> None:
    pods.events["w1"] = [{"type": "ERROR", "object": {"code": 410}}]
    watch.watch({"w1"})
    soon("it is listed again", lambda: len(pods.asked) > 1)
    pods.listed["w1"] = [EVICTED]
    soon("it is told", lambda: told == ["w1"])


def test_more_nodes_than_threads_take_turns(watch: EvictionWatch, pods: Pods) -> None:
    nodes = [f"w{number}" for number in range(3 * MAX_THREADS)]
    pods.turn_s = 0.01
    watch.watch(nodes)
    soon("each is looked at", lambda: set(pods.asked) == set(nodes))
    assert [thread.name for thread in threading.enumerate()].count("evictions") <= MAX_THREADS
