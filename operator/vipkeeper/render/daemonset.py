"""The DaemonSet of one placement: DESIGN section 4, ARCHITECTURE "In a speaker pod".

Its template depends on the placement, its ports and the operator's settings, never on a VirtualIP: an edit of a
VirtualIP rolls no pod.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vipkeeper.spec.placement import Placement
from vipkeeper.spec.ports import PortBlock
from vipkeeper.spec.settings import OperatorSettings


@dataclass(frozen=True, slots=True)
class Anchor:
    """The chart's ConfigMap `vipkeeper-anchor`, which owns all DaemonSets."""

    uid: str


def render_daemonset(
    placement: Placement, ports: PortBlock, settings: OperatorSettings, namespace: str, anchor: Anchor
) -> dict[str, Any]:
    raise NotImplementedError


def read_ports(daemonset: dict[str, Any]) -> PortBlock | None:
    """The block that is pinned in the annotation of an existing DaemonSet."""
    raise NotImplementedError
