"""Placements: sets of nodes (selector and tolerations), each served by one DaemonSet.

Two VirtualIPs that ask for the same nodes in other words (order of keys, of values, of tolerations, an empty selector)
share a placement. The name is a hash of the canonical form, so it needs no registry; `default` is the placement of
those that ask for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.spec.rules import parse_ip
from vipkeeper.spec.virtualip import LabelSelector, LabelSelectorRequirement, Nodes, Toleration

DEFAULT_PLACEMENT = "default"

DAEMONSET_TOLERATIONS = tuple(
    Toleration(key=f"node.kubernetes.io/{key}", operator="Exists", effect=effect)  # type: ignore[arg-type]
    for key, effect in [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
        ("network-unavailable", "NoSchedule"),
    ]
)
"""What the DaemonSet controller adds by itself to pods on the host's network."""

NODE_SELECTOR = {"kubernetes.io/os": "linux"}
"""Labels that every node of a placement must have, whatever it asks for."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What the installation asks of nodes and puts up with, besides the placement (settings.yaml)."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


_NOTHING_MORE = Requirements()


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Node:
    """A Kubernetes node, as far as placements look at it."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    addresses: tuple[IPAddress, ...] = ()
    """Its InternalIPs: one or two, first the one of the cluster's first family."""
    unschedulable: bool = False
    """It takes no new pods (`kubectl cordon`)."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Which nodes, in canonical form. Equal placements have equal names."""

    name: str
    selector: LabelSelector | None = field(hash=False)
    """None: every node."""
    tolerations: tuple[Toleration, ...] = ()

    def takes(self, node: Node, has_speaker: bool = False, required: Requirements = _NOTHING_MORE) -> bool:
        """Does `node` belong here? A speaker that runs already is not driven out by NoSchedule, so neither is the node."""
        labels = {**NODE_SELECTOR, **required.node_selector}
        if not all(node.labels.get(key) == value for key, value in labels.items()):
            return False
        if self.selector is not None and not selects(self.selector, node.labels):
            return False
        tolerations = (*self.tolerations, *required.tolerations, *DAEMONSET_TOLERATIONS)
        repelling = {"NoExecute"} if has_speaker else {"NoExecute", "NoSchedule"}
        return all(
            any(tolerates(toleration, taint) for toleration in tolerations)
            for taint in node.taints
            if taint.effect in repelling
        )


def placement_of(nodes: Nodes | None) -> Placement:
    """The placement that a spec's `nodes` asks for."""
    selector = _canonical_selector(nodes.selector if nodes else None)
    tolerations = _canonical_tolerations(nodes.tolerations if nodes else ())
    if selector is None and not tolerations:
        return Placement(DEFAULT_PLACEMENT, None, ())
    canonical = {
        "selector": selector.to_json() if selector else None,
        "tolerations": [toleration.to_json() for toleration in tolerations],
    }
    digest = hashlib.sha256(_canonical_json(canonical).encode()).hexdigest()
    return Placement(f"p-{digest[:8]}", selector, tolerations)


def nodes_of(
    placement: Placement,
    nodes: Iterable[Node],
    with_speaker: Collection[str] = (),
    required: Requirements = _NOTHING_MORE,
) -> tuple[Node, ...]:
    """Nodes that belong to `placement`, by name. `with_speaker`: names of nodes where its speaker runs now."""
    belonging = (node for node in nodes if placement.takes(node, node.name in with_speaker, required))
    return tuple(sorted(belonging, key=lambda node: node.name))


def parse_node(value: Mapping[str, Any]) -> Node:
    """From the API object."""
    metadata, spec = value["metadata"], value.get("spec") or {}
    taints = spec.get("taints") or []
    addresses = (value.get("status") or {}).get("addresses") or []
    return Node(
        name=metadata["name"],
        labels=dict(metadata.get("labels") or {}),
        taints=tuple(Taint(item["key"], item.get("value") or "", item["effect"]) for item in taints),
        addresses=tuple(
            address
            for item in addresses
            if item["type"] == "InternalIP" and (address := parse_ip(item["address"])) is not None
        ),
        unschedulable=bool(spec.get("unschedulable")),
    )


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """As metav1.LabelSelector: all conditions hold; NotIn holds as well where the label is missing."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case "In":
            return labels.get(requirement.key) in requirement.values
        case "NotIn":
            return labels.get(requirement.key) not in requirement.values
        case "Exists":
            return requirement.key in labels
        case "DoesNotExist":
            return requirement.key not in labels


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """As core/v1 Toleration."""
    if toleration.effect is not None and toleration.effect != taint.effect:
        return False
    if toleration.key is not None and toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or (toleration.value or "") == taint.value


def _canonical_selector(selector: LabelSelector | None) -> LabelSelector | None:
    """Sorted, values sorted and without repetition; None for one that selects everything."""
    if selector is None or not (selector.match_labels or selector.match_expressions):
        return None
    expressions = {
        LabelSelectorRequirement(key=item.key, operator=item.operator, values=tuple(sorted(set(item.values))))
        for item in selector.match_expressions
    }
    return LabelSelector(
        match_labels=dict(sorted(selector.match_labels.items())),
        match_expressions=tuple(sorted(expressions, key=lambda item: _canonical_json(item.to_json()))),
    )


def _canonical_tolerations(tolerations: Iterable[Toleration]) -> tuple[Toleration, ...]:
    return tuple(sorted(set(tolerations), key=lambda item: _canonical_json(item.to_json())))


def _canonical_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
