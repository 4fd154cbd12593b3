"""How the adverts of one virtual router are authenticated, as the rendered document says it: by names, never by keys.

Documents stand in ConfigMaps and on disks that many may read. So they hold references; the bytes behind them come
another way (`messages.Secrets`) and meet the document in the engine only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vipkeeper.ipc.fields import Fields
from vipkeeper.ipc.secret_kinds import SecretKind

HMAC_MODES = ("Enforce", "Permissive", "ReceiveOnly")
"""What is signed and what is taken (`vrrp.trailer.HmacMode`)."""

MAX_HMAC_KEYS = 8
_MAX_REPLAY_WINDOW_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class PasswordAuthentication:
    """Version 2, authentication type 1: a password that everybody on the segment can read."""

    secret: str
    """Reference of the password."""

    @property
    def references(self) -> dict[str, SecretKind]:
        return {self.secret: SecretKind.PASSWORD}


@dataclass(frozen=True, slots=True)
class HmacKeyReference:
    key_id: int
    """1..255, as it stands in the trailer."""
    secret: str
    """Reference of the key."""


@dataclass(frozen=True, slots=True)
class HmacAuthentication:
    """The HMAC trailer of keepalived 2.4, version 2 or 3."""

    keys: tuple[HmacKeyReference, ...]
    """All that are taken, 1..8, each id once."""
    active_key: int
    """Id of the one that signs."""
    mode: str
    """One of HMAC_MODES."""
    replay_window_ms: int
    """How far the time in a trailer may be from ours."""

    @property
    def references(self) -> dict[str, SecretKind]:
        return {key.secret: SecretKind.HMAC_KEY for key in self.keys}


Authentication = PasswordAuthentication | HmacAuthentication


def read_authentication(fields: Fields) -> Authentication:
    """Exactly one of its members. Problems are noted in `fields`."""
    if fields.has("password") == fields.has("hmac"):
        fields.note("", "needs exactly one of password and hmac")
    if fields.has("hmac"):
        return _hmac(fields.child("hmac"))
    return PasswordAuthentication(fields.child("password").text("secret"))


def _hmac(fields: Fields) -> HmacAuthentication:
    keys = tuple(HmacKeyReference(item.number("id", 1, 255), item.text("secret")) for item in fields.children("keys"))
    ids = {key.key_id for key in keys}
    active_key = fields.number("activeKey", 1, 255)
    if not 1 <= len(keys) <= MAX_HMAC_KEYS or len(ids) != len(keys):
        fields.note("keys", f"are not 1..{MAX_HMAC_KEYS}, each id once")
    if active_key not in ids:
        fields.note("activeKey", f"{active_key} is not the id of a key")
    window_ms = fields.number("replayWindowMs", 1, _MAX_REPLAY_WINDOW_MS)
    return HmacAuthentication(keys, active_key, fields.choice("mode", HMAC_MODES), window_ms)


def authentication_to_json(authentication: Authentication) -> dict[str, Any]:
    if isinstance(authentication, PasswordAuthentication):
        return {"password": {"secret": authentication.secret}}
    return {
        "hmac": {
            "mode": authentication.mode,
            "activeKey": authentication.active_key,
            "replayWindowMs": authentication.replay_window_ms,
            "keys": [{"id": key.key_id, "secret": key.secret} for key in authentication.keys],
        }
    }
