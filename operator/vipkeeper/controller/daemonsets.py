"""The DaemonSets: one for each placement in use, kept as rendered, deleted when nothing is left to hold. Pure.

A VirtualIP that moves to another placement is handed over between two pods of a node, so both must be there: first
the new DaemonSet gets its pods Ready (`may_move`), then the ConfigMap changes its placement, and the old DaemonSet
stays until its speakers no longer report the router. Both waits are limited, and their start is in the API (creation
of the one, an annotation of the other), so a restart of the operator does not begin them anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vipkeeper.controller.changes import Apply, Change, Delete, MarkUnused
from vipkeeper.controller.content import contains, digest
from vipkeeper.controller.kinds import DAEMONSET
from vipkeeper.controller.objects import RENDERED_ANNOTATION, TEMPLATE_ANNOTATION, DaemonSetSeen
from vipkeeper.spec.speaker import VRRPSpeaker

MOVE_LIMIT = timedelta(seconds=60)
"""How long a move waits for Ready pods, and how long the old pods stay for it."""
UNUSED_GRACE = timedelta(seconds=5)
"""A placement that is wanted again at once (delete and apply again) keeps its pods."""


def fingerprint(rendered: Mapping[str, Any]) -> dict[str, Any]:
    """The DaemonSet with its two hashes: of the template, to tell old pods; of all, to tell what we dropped."""
    body = deepcopy(dict(rendered))
    template = body["spec"]["template"]
    template.setdefault("metadata", {}).setdefault("annotations", {})[TEMPLATE_ANNOTATION] = digest(template)
    body["metadata"].setdefault("annotations", {})[RENDERED_ANNOTATION] = digest(body)
    return body


def keep(wanted: Mapping[str, Any], seen: DaemonSetSeen | None) -> Apply | None:
    """The change that makes the API hold `wanted`; None when it does."""
    if seen is None:
        return Apply(DAEMONSET, wanted, "first VirtualIP of its placement")
    if seen.deleting:
        return None  # its name is free as soon as its pods are gone; that will be seen
    if seen.rendered != wanted["metadata"]["annotations"][RENDERED_ANNOTATION]:
        return Apply(DAEMONSET, wanted, "settings or version changed")
    if not contains(seen.content, {"metadata": _comparable(wanted["metadata"]), "spec": wanted["spec"]}):
        return Apply(DAEMONSET, wanted, "it had been changed by somebody else")
    return None


def _comparable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {key: metadata[key] for key in ("labels", "annotations", "ownerReferences") if key in metadata}


def may_move(target: DaemonSetSeen | None, now: datetime) -> tuple[bool, datetime | None]:
    """May a VirtualIP move to the placement of `target` now? If not: when, at the latest (None: not known yet)."""
    if target is None:
        return False, None
    latest = target.created_at + MOVE_LIMIT
    return (target.all_ready or now >= latest), latest


@dataclass(frozen=True, slots=True)
class Retirement:
    """What to do with a DaemonSet that no VirtualIP asks for."""

    change: Change | None
    look_again_at: datetime | None = None


def retire(seen: DaemonSetSeen, speakers: Iterable[VRRPSpeaker], homes: Mapping[str, str], now: datetime) -> Retirement:
    """`speakers`: those of this placement that are not silent; `homes`: placement by VirtualIP, as its ConfigMap says."""
    if seen.deleting:
        return Retirement(None)
    if seen.unused_since is None:
        return Retirement(MarkUnused(seen.name, seen.uid, now), now + UNUSED_GRACE)
    leaving = {
        report.name
        for speaker in speakers
        for report in speaker.status.virtual_routers
        if homes.get(report.name, seen.placement) != seen.placement
    }
    end = seen.unused_since + (MOVE_LIMIT if leaving else UNUSED_GRACE)
    if now < end:
        return Retirement(None, end)
    return Retirement(Delete(DAEMONSET, seen.name, seen.uid, "no VirtualIP asks for its placement"))
