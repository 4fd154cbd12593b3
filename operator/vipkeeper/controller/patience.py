"""Against endless loops: the same change of the same object is not made again at once, but after growing pauses.

A change that failed is tried again later; one that succeeded and is still wanted means that the API server stores
something else than we say (a mutating webhook, a normalised number) or that its news have not come yet. A change with
another content goes ahead at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

from vipkeeper.controller.changes import Apply, Change, Delete, MarkUnused, WriteStatus
from vipkeeper.controller.content import digest

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
_FORGET_AFTER_S = 300.0


@dataclass(slots=True)
class _Attempt:
    content: str
    times: int
    not_before: float


class Patience:
    """Remembers attempts. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self._attempts: dict[tuple[str, str, str], _Attempt] = {}

    def wait_until(self, change: Change, now: float) -> float | None:
        """When `change` may be made; None: now."""
        attempt = self._attempts.get(change.key)
        if attempt is None or attempt.content != content_of(change) or now >= attempt.not_before:
            return None
        return attempt.not_before

    def attempted(self, change: Change, now: float) -> None:
        content = content_of(change)
        before = self._attempts.get(change.key)
        again = before is not None and before.content == content and now < before.not_before + _FORGET_AFTER_S
        times = before.times + 1 if before and again else 0
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(times, 10))
        self._attempts[change.key] = _Attempt(content, times, now + pause)
        if len(self._attempts) > 1000:
            self._attempts = {
                key: item for key, item in self._attempts.items() if now < item.not_before + _FORGET_AFTER_S
            }


def content_of(change: Change) -> str:
    match change:
        case Apply():
            return digest(change.body)
        case WriteStatus():
            return digest([change.uid, change.status])
        case Delete():
            return change.uid
        case MarkUnused():
            return f"{change.uid} {change.since is not None}"
