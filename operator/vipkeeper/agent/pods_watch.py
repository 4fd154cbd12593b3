"""Pods of this node that VirtualIPs select (`spec.health.podSelector`): one watch for each different selector.

The API server selects, by node and labels, so that nothing of other pods is read or kept. Not a thread: all but the
watches belongs to the one thread that owns it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vipkeeper.agent.kube_api import KubeApi, namespaced
from vipkeeper.agent.kube_watch import Refused, Watch, WatchEvent
from vipkeeper.agent.pods_ready import PodsReady
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import PodSelection

log = logging.getLogger("agent.pods")


@dataclass(frozen=True, slots=True)
class PodsEvent:
    """To be given back to `heard` by the owner's thread."""

    selection: PodSelection
    event: WatchEvent


class PodsWatch:
    def __init__(self, api: KubeApi, node: str, tell: Callable[[PodsEvent], None]) -> None:
        self._api = api
        self._node = node
        self._tell = tell
        self._wanted: dict[str, PodSelection] = {}
        self._watches: dict[PodSelection, Watch] = {}
        self._ready: dict[PodSelection, PodsReady] = {}

    def wants(self, selections: Mapping[str, PodSelection]) -> None:
        """Watch these and no others, by name of the document."""
        self._wanted = dict(selections)
        needed = set(selections.values())
        for selection in self._watches.keys() - needed:
            self._watches.pop(selection).stop()
            del self._ready[selection]
        for selection in needed - self._watches.keys():
            self._ready[selection] = PodsReady()
            self._watches[selection] = self._watch(selection)

    def heard(self, event: PodsEvent, now_s: float) -> None:
        if isinstance(event.event, Refused):
            log.error("pods of namespace %s can't be watched: %s", event.selection.namespace, event.event.reason)
        if event.selection in self._ready:
            self._ready[event.selection].take(event.event, now_s)

    def verdicts(self, now_s: float) -> list[Health]:
        """What is known now."""
        for ready in self._ready.values():
            ready.time_passed(now_s)
        return [
            Health(HealthSource.PODS, not ready.fault, _detail(selection, ready.fault), name)
            for name, selection in self._wanted.items()
            if (ready := self._ready[selection]).known
        ]

    def deadline_s(self) -> float | None:
        deadlines = (ready.deadline_s() for ready in self._ready.values())
        return min((deadline_s for deadline_s in deadlines if deadline_s is not None), default=None)

    def _watch(self, selection: PodSelection) -> Watch:
        selectors = {"labelSelector": selection.label_selector, "fieldSelector": f"spec.nodeName={self._node}"}
        path = namespaced("v1", selection.namespace, "pods")
        return Watch(self._api, path, selectors, lambda event: self._tell(PodsEvent(selection, event)))


def _detail(selection: PodSelection, fault: str) -> str:
    return f"pods {selection.label_selector} of namespace {selection.namespace}: {fault}" if fault else ""
