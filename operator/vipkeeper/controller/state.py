"""Everything that the controller has seen: the memory from which each plan is made.

Three sources feed it, in any order: kopf's watch events, our own lists, and the API server's answers to our writes.
So each object carries its resource version, the newer one wins, and what was deleted stays deleted (a UID is never
used again). Our own lists are needed because kopf does not tell what vanished while a watch was broken: after "410
Gone" it lists again, and objects that are no longer there are simply not mentioned.
"""

from __future__ import annotations

import logging
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from vipkeeper.controller.kinds import CONFIGMAP, DAEMONSET, LEASE, NODE, POD, ROLE, SECRET, SPEAKER, VIRTUALIP, Kind
from vipkeeper.controller.objects import (
    AnchorSeen,
    ConfigMapSeen,
    DaemonSetSeen,
    LeaseSeen,
    NodeSeen,
    PodSeen,
    RoleSeen,
    SecretSeen,
    Seen,
    SpeakerSeen,
    TextsSeen,
    VirtualIPSeen,
    parse,
)
from vipkeeper.spec.secrets import ForeignSecret, Place

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry:
    version: int
    seen: Seen | None
    """None: it exists, but does not concern us (or can't be read)."""


class ClusterState:
    """What is known of the cluster. Not thread-safe: only the event loop touches it."""

    def __init__(self) -> None:
        self._entries: dict[Kind, dict[str, _Entry]] = {}
        self._buried: dict[Kind, dict[str, int]] = {}
        self._evicting: set[str] = set()
        self._foreign_secrets: dict[Place, ForeignSecret] = {}

    def observe(self, kind: Kind, value: Mapping[str, Any]) -> bool:
        """An object as it is now. Returns whether that is news to anybody."""
        uid, version = _identity(value)
        entries = self._entries.setdefault(kind, {})
        before = entries.get(uid)
        if uid in self._buried.get(kind, {}) or (before and before.version >= version):
            return False
        seen = _read(kind, value)
        entries[uid] = _Entry(version, seen)
        if isinstance(seen, NodeSeen) and not seen.node.unschedulable:
            self._evicting.discard(seen.name)
        return (before.seen if before else None) != seen

    def forget(self, kind: Kind, value: Mapping[str, Any]) -> bool:
        """An object was deleted. Returns whether it had concerned us."""
        return self.bury(kind, *_identity(value))

    def bury(self, kind: Kind, uid: str, version: int = 0) -> bool:
        """The object `uid` is no more, at `version` if that is known. Returns whether it had concerned us."""
        self._buried.setdefault(kind, {})[uid] = version
        before = self._entries.setdefault(kind, {}).pop(uid, None)
        return before is not None and before.seen is not None

    def note_eviction(self, node: str) -> bool:
        """Pods are being evicted from `node`. True: that is news. It is so until the node takes pods again."""
        if node in self._evicting:
            return False
        self._evicting.add(node)
        return True

    def note_foreign(self, place: Place, answer: ForeignSecret) -> None:
        """What came of asking for a Secret of another namespace (`foreign_secrets.py`)."""
        self._foreign_secrets[place] = answer

    def keep_foreign(self, wanted: Container[Place]) -> None:
        """Nobody refers to the others any more."""
        self._foreign_secrets = {place: seen for place, seen in self._foreign_secrets.items() if place in wanted}

    @property
    def foreign_secrets(self) -> Mapping[Place, ForeignSecret]:
        return self._foreign_secrets

    @property
    def evicting(self) -> frozenset[str]:
        """Nodes from which pods were evicted since they are unschedulable."""
        return frozenset(self._evicting)

    def replace(self, kind: Kind, values: Iterable[Mapping[str, Any]], version: int) -> bool:
        """All objects of `kind` as they were at list version `version`. Returns whether that is news."""
        listed = {value["metadata"]["uid"]: value for value in values}
        changed = False
        for uid, entry in list(self._entries.setdefault(kind, {}).items()):
            if uid not in listed and entry.version <= version:
                del self._entries[kind][uid]
                changed |= entry.seen is not None
        for value in listed.values():
            changed |= self.observe(kind, value)
        buried = self._buried.get(kind, {})
        self._buried[kind] = {uid: died for uid, died in buried.items() if died > version}
        return changed

    @property
    def virtualips(self) -> tuple[VirtualIPSeen, ...]:
        """Oldest first, as conflicts are decided."""
        return tuple(sorted(self._all(VIRTUALIP, VirtualIPSeen), key=lambda item: (item.created_at, item.uid)))

    @property
    def nodes(self) -> dict[str, NodeSeen]:
        return {item.name: item for item in self._all(NODE, NodeSeen)}

    @property
    def speakers(self) -> dict[str, SpeakerSeen]:
        return {item.name: item for item in self._all(SPEAKER, SpeakerSeen)}

    @property
    def pods(self) -> tuple[PodSeen, ...]:
        return tuple(sorted(self._all(POD, PodSeen), key=lambda item: item.name))

    @property
    def configmaps(self) -> dict[str, ConfigMapSeen]:
        return {item.name: item for item in self._all(CONFIGMAP, ConfigMapSeen)}

    @property
    def secrets(self) -> dict[str, SecretSeen]:
        return {item.name: item for item in self._all(SECRET, SecretSeen)}

    @property
    def role(self) -> RoleSeen | None:
        return next(iter(self._all(ROLE, RoleSeen)), None)

    @property
    def texts(self) -> dict[str, Mapping[str, str]]:
        """Of the ConfigMaps that are none of ours, by name."""
        return {item.name: item.data for item in self._all(CONFIGMAP, TextsSeen)}

    @property
    def anchor(self) -> AnchorSeen | None:
        return next(iter(self._all(CONFIGMAP, AnchorSeen)), None)

    @property
    def daemonsets(self) -> dict[str, DaemonSetSeen]:
        """By placement."""
        return {item.placement: item for item in self._all(DAEMONSET, DaemonSetSeen)}

    @property
    def leases(self) -> dict[str, LeaseSeen]:
        return {item.name: item for item in self._all(LEASE, LeaseSeen)}

    def _all(self, kind: Kind, type_: type[T]) -> list[T]:
        """In the order of their resource versions: where two have one name, the newer comes last and wins in a dict."""
        entries = sorted(self._entries.get(kind, {}).values(), key=lambda entry: entry.version)
        return [entry.seen for entry in entries if isinstance(entry.seen, type_)]


def _identity(value: Mapping[str, Any]) -> tuple[str, int]:
    metadata = value["metadata"]
    return metadata["uid"], int(metadata["resourceVersion"])


def _read(kind: Kind, value: Mapping[str, Any]) -> Seen | None:
    try:
        return parse(kind, value)
    except ValueError as error:
        log.warning("%s %s can't be read and is passed over: %s", kind.kind, value["metadata"]["name"], error)
        return None
