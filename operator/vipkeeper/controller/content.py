"""Does the API hold what we want it to? Comparison and hashes of objects as plain JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping


def contains(seen: object, wanted: object) -> bool:
    """Everything in `wanted` is in `seen`, which may hold more members (defaults of the API server, labels of others).

    Lists must have equal lengths: their members are compared in order. An empty member may be missing: the API server
    drops some of them.
    """
    if isinstance(wanted, Mapping):
        return isinstance(seen, Mapping) and all(
            contains(seen[key], wanted[key]) if key in seen else wanted[key] in ({}, [], None) for key in wanted
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(seen, list | tuple)
            and len(seen) == len(wanted)
            and all(contains(one, other) for one, other in zip(seen, wanted, strict=True))
        )
    return seen == wanted


def digest(value: object) -> str:
    """16 hex digits that stand for the content."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
