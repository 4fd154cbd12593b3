"""From an API object to a trusted value, or to a refusal with every problem and its path.

The API server has applied the CRD's schema and CEL rules before; we apply all of them again, because the object may
be older than the CRD, and a few more that CEL can't say (marked in `rules.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vipkeeper.ipc.rendered import NginxSection, RenderedAddress
from vipkeeper.spec.placement import Placement
from vipkeeper.spec.virtualip import NodePriority


@dataclass(frozen=True, slots=True)
class ParsedVirtualIP:
    """A VirtualIP that can be trusted: nothing optional that is not truly optional."""

    name: str
    uid: str
    generation: int
    created_at: datetime
    vrid: int | None
    """As the user wrote it."""
    pinned_vrid: int | None
    """As status has it."""
    priority: int
    addresses: tuple[RenderedAddress, ...]
    interface: str | None
    placement: Placement
    priorities: tuple[NodePriority, ...]
    advertisement_interval_cs: int
    preempt: bool
    nginx: NginxSection | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an object can't be taken: every problem, as `path: reason`."""

    problems: tuple[str, ...]

    @property
    def message(self) -> str:
        return "; ".join(self.problems)


def parse_virtualip(value: Mapping[str, Any]) -> ParsedVirtualIP | Refusal:
    """Parse the API object `value` of a VirtualIP."""
    raise NotImplementedError
