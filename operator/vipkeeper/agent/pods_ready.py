"""Is a pod of `spec.health.podSelector` ready on this node? From what one watch tells. Pure.

At least one is enough. A pod is ready as the kubelet sees it: its condition ContainersReady and its readiness gates. Not
its condition Ready, which the node controller sets to false when the kubelet is away. A pod that is being deleted is not
ready, so the addresses leave before it does.

As with our own nginx (`readiness.py`): a kubelet that restarts says "not ready" for a moment. So a pod whose containers
run on, the same ones that were ready, is believed for one probe period and a second more.

The API server out of reach is unknown, and unknown changes nothing: a doubt that is under way ends in no verdict, and a
verdict stands. No other source would say that the pods of this node have come back, and nothing may move because the API
server is away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vipkeeper.agent.kube_watch import Changed, Deleted, Listed, Reached, Refused, Unreachable, WatchEvent
from vipkeeper.agent.readiness import DEFAULT_PERIOD_S, GRACE_S

Pod = Mapping[str, Any]


@dataclass(slots=True)
class Seen:
    """One pod, as far as it was seen."""

    ready_containers: frozenset[str] = frozenset()
    """Those that ran when it was last ready."""
    believed_until_s: float | None = None
    """None: there is no doubt, for better or worse."""
    ready: bool = False


class PodsReady:
    def __init__(self) -> None:
        self.known = False
        self.fault = ""
        """Why the node counts as ill; "" when it does not, or nothing is known."""
        self._pods: dict[str, Seen] = {}
        self._unreachable_s: float | None = None

    def take(self, event: WatchEvent, now_s: float) -> None:
        match event:
            case Listed():
                self._list(event.items, now_s)
            case Changed():
                self._see(event.item, now_s)
            case Deleted():
                self._pods.pop(_uid(event.item), None)
            case Unreachable() | Refused():
                self._unreachable_s = now_s if self._unreachable_s is None else self._unreachable_s
            case Reached():
                self._reach(now_s)
        self.time_passed(now_s)

    def time_passed(self, now_s: float) -> None:
        if self._unreachable_s is not None:
            return
        for pod in self._pods.values():
            if pod.believed_until_s is not None and now_s >= pod.believed_until_s:
                pod.ready, pod.believed_until_s = False, None
        if self.known:
            self.fault = "" if any(pod.ready for pod in self._pods.values()) else self._complaint()

    def deadline_s(self) -> float | None:
        """When to call `time_passed`."""
        if self._unreachable_s is not None:
            return None
        doubts = (pod.believed_until_s for pod in self._pods.values())
        return min((until_s for until_s in doubts if until_s is not None), default=None)

    def _complaint(self) -> str:
        count = len(self._pods)
        return "there is no such pod on this node" if not count else f"of {count} on this node none is ready"

    def _list(self, pods: Iterable[Pod], now_s: float) -> None:
        self.known, self._unreachable_s = True, None
        listed = {_uid(pod): pod for pod in pods}
        self._pods = {uid: seen for uid, seen in self._pods.items() if uid in listed}
        for pod in listed.values():
            self._see(pod, now_s)

    def _reach(self, now_s: float) -> None:
        """What happened meanwhile is not known: the waits begin anew."""
        if self._unreachable_s is not None:
            away_s = now_s - self._unreachable_s
            for pod in self._pods.values():
                if pod.believed_until_s is not None:
                    pod.believed_until_s += away_s
        self._unreachable_s = None

    def _see(self, pod: Pod, now_s: float) -> None:
        seen = self._pods.setdefault(_uid(pod), Seen())
        running = _running(pod)
        if _is_ready(pod):
            seen.ready, seen.ready_containers, seen.believed_until_s = True, running, None
        elif _is_leaving(pod) or not running or running != seen.ready_containers:
            seen.ready, seen.believed_until_s = False, None
        elif seen.ready and seen.believed_until_s is None:
            seen.believed_until_s = now_s + _patience_s(pod)


def _uid(pod: Pod) -> str:
    return str(pod["metadata"]["uid"])


def _is_leaving(pod: Pod) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def _is_ready(pod: Pod) -> bool:
    conditions = {item.get("type"): item.get("status") for item in _status(pod).get("conditions") or ()}
    gates = [item.get("conditionType") for item in (pod.get("spec") or {}).get("readinessGates") or ()]
    return not _is_leaving(pod) and all(conditions.get(name) == "True" for name in ("ContainersReady", *gates))


def _running(pod: Pod) -> frozenset[str]:
    """Containers that run; empty when one does not."""
    containers = _status(pod).get("containerStatuses") or ()
    if any("running" not in (item.get("state") or {}) for item in containers):
        return frozenset()
    return frozenset(str(item.get("containerID")) for item in containers)


def _patience_s(pod: Pod) -> float:
    probes = [item.get("readinessProbe") for item in (pod.get("spec") or {}).get("containers") or ()]
    periods_s = [float(probe.get("periodSeconds") or DEFAULT_PERIOD_S) for probe in probes if probe is not None]
    return max(periods_s, default=0.0) + GRACE_S


def _status(pod: Pod) -> Mapping[str, Any]:
    return pod.get("status") or {}
