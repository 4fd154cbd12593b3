"""The kubelet's verdict on this node's nginx container, read from this pod's status. Pure.

Read is `initContainerStatuses[nginx].ready`, not the Pod's Ready condition, which the node controller sets to false
when the kubelet is away. Not ready counts at once when the container was replaced since it was last ready; else only
when it lasts longer than one probe period and a second: a kubelet that restarts reports false for a moment.

The API server out of reach is unknown, not a fault: a wait that is under way does not end in a verdict, and a verdict
that stands is kept for a while (the API server may blink too), then dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONTAINER = "nginx"
GRACE_S = 1.0
DEFAULT_PERIOD_S = 10
"""Kubernetes' default for periodSeconds."""
FORGET_S = 30.0
"""How long a verdict outlives the connection to the API server."""


@dataclass(frozen=True, slots=True)
class Container:
    """One incarnation of the nginx container."""

    container_id: str
    restarts: int


class Readiness:
    def __init__(self) -> None:
        self.fault = ""
        """Why nginx counts as not ready; "" when it does not, or nothing is known."""
        self.known = False
        self._last_ready: Container | None = None
        self._unready_s: float | None = None
        self._unreachable_s: float | None = None
        self._patience_s = DEFAULT_PERIOD_S + GRACE_S

    def pod_seen(self, pod: Mapping[str, Any], now_s: float) -> None:
        self._unreachable_s = None
        self._patience_s = _probe_period_s(pod) + GRACE_S
        status = _container_status(pod)
        if status is None:
            return
        self.known = True
        container = Container(str(status.get("containerID", "")), int(status.get("restartCount", 0)))
        if status.get("ready"):
            self._last_ready, self._unready_s, self.fault = container, None, ""
        elif self._last_ready not in (None, container):
            self.fault = f"container was replaced (restart {container.restarts}) and is not ready"
        elif self._unready_s is None:
            self._unready_s = now_s
        self.time_passed(now_s)

    def api_unreachable(self, now_s: float) -> None:
        if self._unreachable_s is None:
            self._unreachable_s = now_s

    def api_reached(self, now_s: float) -> None:
        self._unreachable_s = None
        if self._unready_s is not None and not self.fault:
            self._unready_s = now_s  # what happened meanwhile is not known: the wait begins anew

    def time_passed(self, now_s: float) -> None:
        if self._unreachable_s is not None:
            if self.fault and now_s >= self._unreachable_s + FORGET_S:
                self.fault = ""
                self._last_ready, self._unready_s = None, None
        elif self._unready_s is not None and now_s >= self._unready_s + self._patience_s:
            self.fault = self.fault or f"not ready for {self._patience_s:g} s"

    def deadline_s(self) -> float | None:
        """When to call `time_passed`."""
        if self._unreachable_s is not None:
            return self._unreachable_s + FORGET_S if self.fault else None
        if self._unready_s is not None and not self.fault:
            return self._unready_s + self._patience_s
        return None


def _container_status(pod: Mapping[str, Any]) -> Mapping[str, Any] | None:
    statuses = (pod.get("status") or {}).get("initContainerStatuses") or ()
    return next((item for item in statuses if item.get("name") == CONTAINER), None)


def _probe_period_s(pod: Mapping[str, Any]) -> float:
    for container in (pod.get("spec") or {}).get("initContainers") or ():
        if container.get("name") == CONTAINER:
            return float((container.get("readinessProbe") or {}).get("periodSeconds") or DEFAULT_PERIOD_S)
    return DEFAULT_PERIOD_S
