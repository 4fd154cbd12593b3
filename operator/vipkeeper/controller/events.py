"""Events on VirtualIPs, written by ourselves: kopf would put them where `kubectl describe vip` does not look.

An Event on a cluster-scoped object belongs into namespace `default`. The same message again is the same Event with a
higher count; and an object that can't settle does not flood the API: each has a small allowance that fills up slowly,
as in client-go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from vipkeeper.controller.content import digest
from vipkeeper.spec.model import to_rfc3339_seconds
from vipkeeper.spec.names import API_VERSION, CONTROLLER_SERVICE_ACCOUNT, VIRTUALIP_KIND
from vipkeeper.spec.status import Event

EVENT_NAMESPACE = "default"
REPEATS_WITHIN = timedelta(minutes=10)
ALLOWANCE = 25
REFILL_EVERY = timedelta(minutes=1)
_MESSAGE_MAX_LENGTH = 1024
_FORGET_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Post:
    """An Event to create."""

    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An Event that happened again."""

    name: str
    body: dict[str, Any]


@dataclass(slots=True)
class _Told:
    name: str
    last: datetime
    count: int = 1


@dataclass(slots=True)
class _Allowance:
    left: float
    filled_at: datetime


@dataclass(slots=True)
class EventBook:
    """What was told, to whom, how often."""

    _told: dict[str, _Told] = field(default_factory=dict)
    _allowances: dict[str, _Allowance] = field(default_factory=dict)

    def record(self, name: str, uid: str, event: Event, now: datetime) -> Post | Repeat | None:
        """The write that `event` on VirtualIP `name` is worth; None: enough was said about this object."""
        self._forget_old(now)
        if not self._spend(uid, now):
            return None
        key = digest([uid, event.type, str(event.reason), event.message])
        told = self._told.get(key)
        if told is not None and now - told.last <= REPEATS_WITHIN:
            told.count, told.last = told.count + 1, now
            return Repeat(told.name, {"count": told.count, "lastTimestamp": to_rfc3339_seconds(now)})
        body = event_object(name, uid, event, now)
        self._told[key] = _Told(body["metadata"]["name"], now)
        return Post(body)

    def _spend(self, uid: str, now: datetime) -> bool:
        allowance = self._allowances.setdefault(uid, _Allowance(ALLOWANCE, now))
        allowance.left = min(ALLOWANCE, allowance.left + (now - allowance.filled_at) / REFILL_EVERY)
        allowance.filled_at = now
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True

    def _forget_old(self, now: datetime) -> None:
        for key in [key for key, told in self._told.items() if now - told.last > _FORGET_AFTER]:
            del self._told[key]
        for uid in [uid for uid, item in self._allowances.items() if now - item.filled_at > _FORGET_AFTER]:
            del self._allowances[uid]


def event_object(name: str, uid: str, event: Event, now: datetime) -> dict[str, Any]:
    moment = to_rfc3339_seconds(now)
    unique = digest([uid, event.type, str(event.reason), event.message, now.isoformat()])
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{unique}", "namespace": EVENT_NAMESPACE},
        "involvedObject": {"apiVersion": API_VERSION, "kind": VIRTUALIP_KIND, "name": name, "uid": uid},
        "type": event.type,
        "reason": str(event.reason),
        "message": event.message[:_MESSAGE_MAX_LENGTH],
        "source": {"component": CONTROLLER_SERVICE_ACCOUNT},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
    }
