"""What a plan asks for: changes as values, which `apply` carries out and tests compare.

Each has a key (what it touches) and a story (the log line that it is worth).

Tested by what plans return: tests/unit/controller/test_reconcile.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vipkeeper.controller.kinds import DAEMONSET, VIRTUALIP, Kind
from vipkeeper.spec.status import Event


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of a whole object."""

    kind: Kind
    body: Mapping[str, Any]
    why: str

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def key(self) -> tuple[str, str, str]:
        return ("apply", self.kind.kind, self.name)

    @property
    def story(self) -> str:
        return f"{self.kind.kind} {self.name} applied: {self.why}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletion of one object, by UID: never of another one that took its name."""

    kind: Kind
    name: str
    uid: str
    why: str

    @property
    def key(self) -> tuple[str, str, str]:
        return ("delete", self.kind.kind, self.name)

    @property
    def story(self) -> str:
        return f"{self.kind.kind} {self.name} deleted: {self.why}"


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """The status of a VirtualIP, and then the Events that tell of the change."""

    name: str
    uid: str
    status: Mapping[str, Any]
    events: tuple[Event, ...]
    why: str
    """For the log; empty when the change is of no interest there (a date, a backup's interface)."""

    @property
    def key(self) -> tuple[str, str, str]:
        return ("status", VIRTUALIP.kind, self.name)

    @property
    def story(self) -> str:
        return f"VirtualIP {self.name}: {self.why or 'status'}"


@dataclass(frozen=True, slots=True)
class MarkUnused:
    """Note in a DaemonSet since when it serves nobody (None: it does again), so that a restart does not lose it."""

    name: str
    uid: str
    since: datetime | None

    @property
    def key(self) -> tuple[str, str, str]:
        return ("mark", DAEMONSET.kind, self.name)

    @property
    def story(self) -> str:
        return f"DaemonSet {self.name} serves {'no VirtualIP any more' if self.since else 'again'}"


Change = Apply | Delete | WriteStatus | MarkUnused


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done now, in this order, and when to look again even if nothing happens."""

    changes: tuple[Change, ...]
    look_again_at: datetime | None = None
    watch_evictions: frozenset[str] = frozenset()
    """Nodes of which it matters whether pods are being evicted from them."""
    waiting: Mapping[str, str] = field(default_factory=dict)
    """By placement: why its roll-out does not go on now."""
