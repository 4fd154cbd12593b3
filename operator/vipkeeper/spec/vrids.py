"""VRID allocation for objects that name none.

Stable: whoever has one in status keeps it (`pinned_vrid`), so this runs once in an object's life. Deterministic: the
search starts at a hash of the UID, which also makes it unlikely that two clusters on one segment, who don't see each
other's objects, choose the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from vipkeeper.spec.conflicts import Claim, holds
from vipkeeper.spec.speaker import VRRPSpeaker

HIGHEST_VRID = 255


def allocate_vrid(uid: str, taken: Collection[int], heard: Collection[int] = ()) -> int | None:
    """A VRID that is not in `taken` (those of all claims that `conflicts.rivals` finds); None: all 255 are taken.

    None of `heard` either, which strangers use there, as long as there is another: whoever can send to the segment can
    pretend to use them all, and shall not be able to refuse us the last one.
    """
    start = int(hashlib.sha256(uid.encode()).hexdigest(), 16) % HIGHEST_VRID
    order = [(start + step) % HIGHEST_VRID + 1 for step in range(HIGHEST_VRID)]
    free = [vrid for vrid in order if vrid not in taken]
    return next((vrid for vrid in free if vrid not in heard), next(iter(free), None))


def heard_on_the_wire(claim: Claim, speakers: Iterable[VRRPSpeaker]) -> frozenset[int]:
    """VRIDs that speakers hear from strangers where `claim` would elect: on its segments; as long as nobody knows these,
    on the one that holds its address, else on whatever its nodes hear."""
    told = [(speaker.node_name, item) for speaker in speakers for item in speaker.status.segments]
    heard: set[int] = set()
    for version in claim.elections:
        of_family = [(node, item) for node, item in told if (":" in item.segment) == (version == 6)]
        segments = claim.on(version) or _holding(claim, version, {item.segment for _node, item in of_family})
        for node, item in of_family:
            if item.segment in segments if segments else node in claim.nodes:
                heard.update(item.foreign_vrids)
    return frozenset(heard)


def _holding(claim: Claim, version: int, segments: Iterable[str]) -> frozenset[str]:
    address = next(item for item in claim.addresses if item.version == version)
    return frozenset(segment for segment in segments if holds(segment, address))
