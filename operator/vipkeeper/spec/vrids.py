"""VRID allocation for objects that name none.

Stable: whoever has one in status keeps it (`pinned_vrid`), so this runs once in an object's life. Deterministic: the
search starts at a hash of the UID, which also makes it unlikely that two clusters on one segment, who don't see each
other's objects, choose the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace

from vipkeeper.spec.conflicts import Claim, rivals

HIGHEST_VRID = 255


def allocate_vrid(uid: str, taken: Collection[int]) -> int | None:
    """A VRID that is not in `taken` (those of all claims that `conflicts.rivals` finds); None: all 255 are taken."""
    start = int(hashlib.sha256(uid.encode()).hexdigest(), 16) % HIGHEST_VRID
    return next(
        (vrid for step in range(HIGHEST_VRID) if (vrid := (start + step) % HIGHEST_VRID + 1) not in taken), None
    )


def allocate_missing(claims: Iterable[Claim]) -> dict[str, int | None]:
    """A VRID for each of the accepted `claims` that has none, the oldest first, by name; None: no number is free."""
    known = {claim.name: claim for claim in claims}
    allocated: dict[str, int | None] = {}
    for claim in sorted(
        (item for item in known.values() if item.vrid is None), key=lambda item: (item.created_at, item.uid)
    ):
        taken = {rival.vrid for rival in rivals(claim, known.values()) if rival.vrid is not None}
        vrid = allocate_vrid(claim.uid, taken)
        allocated[claim.name] = vrid
        known[claim.name] = replace(claim, vrid=vrid)
    return allocated
