"""The keys by which engines believe each other: one Secret, made once, and how its keys change without a gap.

`vipkeeper-peer-keys` holds one text, a key in each line: the first one signs, all of them verify (`peering/keys.py`).
It is the source that the placements' Secrets copy (`secrets.py`), so every engine has it within a moment. No operator
of later, and no upgrade, makes it anew while it can be read; one that was deleted comes back as the placements have it.

A rotation is asked for with an annotation (`vipkeeper.dev/rotate`, any text that was not there before). Its steps:
the new key is added below, then it signs, then the old one goes. Between two steps is STEP, and every placement's
Secret has what the step before said. An engine that heard nothing for all that time runs plain VRRP until it hears.

Keys that a user wrote by hand stay as they are: outside of a rotation nothing here changes a text that can be used.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vipkeeper.controller.changes import Apply
from vipkeeper.controller.kinds import SECRET
from vipkeeper.controller.objects import SecretSeen, parse_moment
from vipkeeper.peering.keys import BadKeys, read_keys
from vipkeeper.render.daemonset import Anchor
from vipkeeper.render.placement_secret import render_peer_keys
from vipkeeper.spec import names
from vipkeeper.spec.model import to_rfc3339
from vipkeeper.spec.secrets import reference_of

REFERENCE = reference_of(names.PEER_KEYS_SECRET, names.PEER_KEYS_KEY)
STEP = timedelta(seconds=60)
"""Agents hear of a Secret within a second as a rule; one that has lost its watch lists anew within this time."""

ROTATE, ROTATED = names.ROTATE_ANNOTATION, f"{names.GROUP}/rotated"
"""What the user asks for, and what was begun last."""
PHASE, SINCE = f"{names.GROUP}/rotation", f"{names.GROUP}/rotation-since"
"""While a rotation is under way: its last step, and when that was."""
ADDED, SIGNING = "Added", "Signing"


class FreshKey:
    """A random key that nobody has seen. It stays the same until it is in use, so that a change which the API server
    refuses is the same change the next time (`patience.py`)."""

    def __init__(self, random_bytes: bytes) -> None:
        """`random_bytes`: 32, from the system's generator."""
        self._line = random_bytes.hex().encode()

    @property
    def line(self) -> bytes:
        return self._line

    def is_in(self, secret: SecretSeen | None) -> bool:
        return secret is not None and self._line in _text(secret).splitlines()


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is to be done now, and when to look again."""

    change: Apply | None = None
    look_again_at: datetime | None = None


def keep_peer_keys(
    seen: Mapping[str, SecretSeen], fresh: FreshKey, namespace: str, anchor: Anchor, now: datetime
) -> Keeping:
    """`seen`: all Secrets of the namespace, by name."""
    secret = seen.get(names.PEER_KEYS_SECRET)
    copies = [copy for item in seen.values() if item.placement and (copy := _decoded(item.data.get(REFERENCE)))]
    if secret is None or not _usable(_text(secret)):
        kept = next((copy for copy in sorted(copies, key=len, reverse=True) if _usable(copy)), None)
        why = "first one" if kept is None else "put back as the placements have it"
        marks = {} if secret is None else _marks(secret, ROTATED)
        return Keeping(_apply(kept or fresh.line + b"\n", marks, namespace, anchor, why))
    return _rotate(secret, copies, fresh, namespace, anchor, now)


def _rotate(
    secret: SecretSeen, copies: Iterable[bytes], fresh: FreshKey, namespace: str, anchor: Anchor, now: datetime
) -> Keeping:
    text, marks = _text(secret), secret.annotations
    keys = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(b"#")]
    phase, since = marks.get(PHASE), parse_moment(marks.get(SINCE)) or now
    rotated = {ROTATED: marks[ROTATED]} if ROTATED in marks else {}
    # Whole tens of seconds: a step that is refused is the same change for a while.
    moment = to_rfc3339(now.replace(second=now.second // 10 * 10, microsecond=0))
    if phase is None:
        asked = marks.get(ROTATE)
        if asked is None or asked == marks.get(ROTATED):
            return Keeping()
        begun = {ROTATED: asked, PHASE: ADDED, SINCE: moment}
        return Keeping(_apply(_lines(keys[0], fresh.line), begun, namespace, anchor, "rotation: a new key is known"))
    if now < since + STEP:
        return Keeping(look_again_at=since + STEP)
    if any(copy != text for copy in copies):
        return Keeping(look_again_at=now + STEP)
    if phase == ADDED and len(keys) > 1:
        signing = rotated | {PHASE: SIGNING, SINCE: moment}
        return Keeping(_apply(_lines(keys[-1], keys[0]), signing, namespace, anchor, "rotation: the new key signs"))
    return Keeping(_apply(_lines(keys[0]), rotated, namespace, anchor, "rotation: the old key is gone"))


def _apply(text: bytes, marks: Mapping[str, str], namespace: str, anchor: Anchor, why: str) -> Apply:
    body: dict[str, Any] = render_peer_keys(b2a_base64(text, newline=False).decode(), marks, namespace, anchor)
    return Apply(SECRET, body, why)


def _lines(*keys: bytes) -> bytes:
    return b"".join(key.strip() + b"\n" for key in keys)


def _marks(secret: SecretSeen, *which: str) -> dict[str, str]:
    return {name: secret.annotations[name] for name in which if name in secret.annotations}


def _text(secret: SecretSeen) -> bytes:
    return _decoded(secret.data.get(names.PEER_KEYS_KEY)) or b""


def _decoded(value: str | None) -> bytes | None:
    return None if value is None else a2b_base64(value)


def _usable(text: bytes) -> bool:
    try:
        read_keys(text)
    except BadKeys:
        return False
    return True
