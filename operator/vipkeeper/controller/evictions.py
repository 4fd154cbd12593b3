"""Pods that are evicted from certain nodes: a few threads that each watch the pods of one node.

kopf can't watch the pods of some nodes only, and other ones each time; to watch them all would be too much. An evicted
pod may be gone within a second, so to list them now and then would miss short-lived ones: it is a watch, which begins
with a list. It reads and never writes. Where there are more nodes than threads, these take turns.

Nothing of it is needed for failover: while it fails, or the operator is away, a drain is noticed late.

Tested with a real API server as well: tests/e2e/test_controller_with_its_own_api_server.py.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, Protocol

from vipkeeper.controller.api import ApiRefused, ApiUnreachable
from vipkeeper.spec.drain import is_evicted

log = logging.getLogger(__name__)

MAX_THREADS = 8
TURN_S = 30
"""How long a node is watched until its thread looks whether another one waits."""
PAUSE_S = 1.0
"""After an error."""


class Pods(Protocol):
    """What is needed of the API server (`api.ApiServer`)."""

    def pods_of(self, node: str) -> tuple[list[dict[str, Any]], int]: ...

    def follow_pods_of(self, node: str, version: int, seconds: int) -> Iterator[dict[str, Any]]: ...


class EvictionWatch:
    def __init__(self, pods: Callable[[], Pods], tell: Callable[[str], None]) -> None:
        """`pods`: a client for each thread. `tell` is called in such a thread, with the name of a node."""
        self._pods, self._tell = pods, tell
        self._lock = threading.Lock()
        self._wanted: frozenset[str] = frozenset()
        self._followed: set[str] = set()
        self._last_turn: dict[str, float] = {}
        self._threads = 0
        self._complaint = ""

    def watch(self, nodes: Collection[str]) -> None:
        """From now on these, and no others. Returns at once."""
        with self._lock:
            self._wanted = frozenset(nodes)
            self._last_turn = {name: at for name, at in self._last_turn.items() if name in self._wanted}
            for _ in range(min(MAX_THREADS, len(self._wanted)) - self._threads):
                self._threads += 1
                threading.Thread(target=self._work, name="evictions", daemon=True).start()

    def _work(self) -> None:
        pods: Pods | None = None
        while (node := self._take()) is not None:
            try:
                pods = pods or self._pods()
                if self._sees_eviction(pods, node):
                    log.info("pods are being evicted from node %s", node)
                    self._tell(node)
                    self._drop(node)
            except (ApiUnreachable, ApiRefused, ValueError, KeyError) as error:
                self._complain(str(error))
                time.sleep(PAUSE_S)
            finally:
                self._give_back(node)

    def _take(self) -> str | None:
        """The node that has waited longest. None: this thread is not needed any more."""
        with self._lock:
            free = self._wanted - self._followed
            if not free:
                self._threads -= 1
                return None
            node = min(free, key=lambda name: (self._last_turn.get(name, 0.0), name))
            self._followed.add(node)
            return node

    def _give_back(self, node: str) -> None:
        with self._lock:
            self._followed.discard(node)
            self._last_turn[node] = time.monotonic()

    def _drop(self, node: str) -> None:
        """It was told; the next `watch` says whether it matters again."""
        with self._lock:
            self._wanted -= {node}

    def _sees_eviction(self, pods: Pods, node: str) -> bool:
        found, version = pods.pods_of(node)
        if any(is_evicted(pod) for pod in found):
            return True
        for event in pods.follow_pods_of(node, version, TURN_S):
            if node not in self._wanted or event.get("type") == "ERROR":
                return False
            if is_evicted(event.get("object") or {}):
                return True
        return False

    def _complain(self, text: str) -> None:
        if text != self._complaint:
            log.warning("the pods of an unschedulable node can't be watched, so a drain goes unnoticed: %s", text)
        self._complaint = text
