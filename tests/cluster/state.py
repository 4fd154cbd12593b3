"""The marker of a cluster that the tests made: written before kind starts, removed after it has gone.

Whoever finds no marker does not touch a cluster, whatever its name (`guard.py`). A marker in phase `creating` belongs
to a run that did not come to its end.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class State:
    provider: str
    marker: str
    """Random; the same text lies in the cluster itself, in ConfigMap kube-system/vipkeeper-test."""
    phase: str = "creating"
    host_settings: dict[str, str] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=dict)
    """What the nodes hold under the name of each image: the digests of its layers, the lowest first."""


def load(folder: Path) -> State | None:
    file = folder / "state.json"
    return State(**json.loads(file.read_text())) if file.exists() else None


def save(folder: Path, state: State) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / "state.new"
    fresh.write_text(json.dumps(asdict(state), indent=2) + "\n")
    fresh.replace(folder / "state.json")
