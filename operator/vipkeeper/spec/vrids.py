"""VRID allocation for objects that name none.

Stable: whoever has one in status keeps it (`pinned_vrid`), so this runs once in an object's life. Deterministic: the
search starts at a hash of the UID, which also makes it unlikely that two clusters on one segment, who don't see each
other's objects, choose the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

HIGHEST_VRID = 255


def allocate_vrid(uid: str, taken: Collection[int]) -> int | None:
    """A VRID that is not in `taken` (those of all claims that `conflicts.rivals` finds); None: all 255 are taken."""
    start = int(hashlib.sha256(uid.encode()).hexdigest(), 16) % HIGHEST_VRID
    return next(
        (vrid for step in range(HIGHEST_VRID) if (vrid := (start + step) % HIGHEST_VRID + 1) not in taken), None
    )
