"""The rendered documents of this placement, as far as the API server told us. Pure: what to do comes back as values.

A document that can't be read (another format, damaged) is reported and never applied; the one before it stays in
force. A document that vanishes keeps running until somebody has looked where it went: deleted, or moved to
another placement of this node, whose engine will adopt it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.messages import Apply, Remove, RemoveReason
from vipkeeper.ipc.rendered import DATA_KEY, RenderedVirtualIP
from vipkeeper.render.configmap import read_configmap
from vipkeeper.spec.names import COMPONENT_LABEL, PLACEMENT_LABEL, VIRTUALIP_COMPONENT, configmap_name
from vipkeeper.spec.speaker import RefusedDocument

_PREFIX = configmap_name("")


class Whereabouts(StrEnum):
    """What a look at the ConfigMap by its name showed."""

    DELETED = "Deleted"
    MOVED = "Moved"
    HERE = "Here"
    """It is (again) one of ours; the watch will bring it."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find out where the document of that name went, and call `found`."""

    name: str


Deed = Apply | Remove | LookUp


def whereabouts(configmap: Mapping[str, Any] | None, node: str, placement: str) -> Whereabouts:
    """Judge what a GET by name brought (None: there is none)."""
    if configmap is None:
        return Whereabouts.DELETED
    labels = configmap["metadata"].get("labels") or {}
    if labels.get(COMPONENT_LABEL) == VIRTUALIP_COMPONENT and labels.get(PLACEMENT_LABEL) == placement:
        return Whereabouts.HERE
    try:
        document = read_configmap(configmap)
    except BadDocument:
        return Whereabouts.DELETED  # no engine will adopt what cannot be read
    return Whereabouts.MOVED if node in document.nodes else Whereabouts.DELETED


class Documents:
    def __init__(self) -> None:
        self.good: dict[str, RenderedVirtualIP] = {}
        """What the engine shall run, by name: the last readable form of each."""
        self.refused: dict[str, RefusedDocument] = {}
        """Documents whose present form can't be read."""
        self.complete = False
        """All that exist were listed once."""
        self.moved: set[str] = set()
        """Removed as moved; the engine may still hold them for the other one."""
        self._missing: set[str] = set()

    def listed(self, items: Iterable[Mapping[str, Any]]) -> list[Deed]:
        by_name = {_name(item): item for item in items}
        deeds = [deed for item in by_name.values() for deed in self.changed(item)]
        gone = (self.good.keys() | self.refused.keys()) - by_name.keys()
        self.complete = True
        return deeds + self._miss(gone)

    def changed(self, item: Mapping[str, Any]) -> list[Deed]:
        name = _name(item)
        self._missing.discard(name)
        self.moved.discard(name)
        try:
            document = read_configmap(item)
            if document.name != name:
                raise BadDocument([f"name: is {document.name}, in the ConfigMap of {name}"])
        except BadDocument as error:
            self.refused[name] = RefusedDocument(
                document=name, generation=_generation(item), problems=tuple(error.problems)
            )
            return []
        self.refused.pop(name, None)
        if self.good.get(name) == document:
            return []
        self.good[name] = document
        return [Apply(document)]

    def deleted(self, item: Mapping[str, Any]) -> list[Deed]:
        return self._miss({_name(item)})

    def engine_runs(self, names: Iterable[str]) -> list[Deed]:
        """The engine has these (from its state folder). Those we never heard of went while nobody watched."""
        return self._miss(set(names) - self.good.keys() - self.refused.keys() - self.moved) if self.complete else []

    def found(self, name: str, where: Whereabouts) -> list[Deed]:
        if name not in self._missing:
            return []  # it came back meanwhile
        self._missing.discard(name)
        if where is Whereabouts.HERE:
            return []
        self.good.pop(name, None)
        self.refused.pop(name, None)
        if where is Whereabouts.MOVED:
            self.moved.add(name)
            return [Remove(name, RemoveReason.MOVED)]
        return [Remove(name, RemoveReason.DELETED)]

    def all_found(self) -> bool:
        return self.complete and not self._missing

    def names(self) -> tuple[str, ...]:
        """Every document that the engine may have."""
        return tuple(sorted(self.good.keys() | self.refused.keys() | self.moved))

    def _miss(self, names: set[str]) -> list[Deed]:
        new = sorted(names - self._missing)
        self._missing |= names
        return [LookUp(name) for name in new]


def _name(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"]).removeprefix(_PREFIX)


def _generation(item: Mapping[str, Any]) -> int:
    """Of a document that is not readable as a whole: 0 when not even that is there."""
    try:
        value = json.loads(item["data"][DATA_KEY])["generation"]
    except (ValueError, KeyError, TypeError):
        return 0
    return value if isinstance(value, int) else 0
