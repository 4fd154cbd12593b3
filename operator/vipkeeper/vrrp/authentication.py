"""The authentication of version 2 (RFC 2338 §5.3.6, §5.3.10), of which RFC 3768 kept the bytes and little else.

Eight bytes stand behind the addresses, always. Type 0 sends zeros there and ignores what it gets. Type 1 sends a
password, readable for everybody on the segment: it keeps apart those who mean well. Type 2 (IPsec AH) is not ours.
For more there is the HMAC trailer (`trailer.py`).
"""

from __future__ import annotations

from _operator import _compare_digest as compare_digest  # hmac.compare_digest, without loading OpenSSL
from dataclasses import dataclass, field
from enum import IntEnum

from vipkeeper.vrrp.drops import Dropped, DropReason

AUTHENTICATION_BYTES = 8


class AuthType(IntEnum):
    NONE = 0
    SIMPLE_TEXT = 1


@dataclass(frozen=True, slots=True)
class SimpleText:
    """Type 1: keepalived's `auth_type PASS`."""

    password: bytes = field(repr=False)
    """1..8 bytes; keepalived cuts longer ones off at 8 without a word."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.password) <= AUTHENTICATION_BYTES:
            raise ValueError(f"a password of {len(self.password)} bytes is not 1..8")

    @property
    def data(self) -> bytes:
        return self.password.ljust(AUTHENTICATION_BYTES, b"\0")


def authentication_of(password: SimpleText | None) -> tuple[AuthType, bytes]:
    """What version 2 sends."""
    if password is None:
        return AuthType.NONE, bytes(AUTHENTICATION_BYTES)
    return AuthType.SIMPLE_TEXT, password.data


def refuse_authentication(auth_type: int, data: bytes, password: SimpleText | None) -> Dropped | None:
    """What version 2 demands: the configured type, and its password."""
    wanted = AuthType.NONE if password is None else AuthType.SIMPLE_TEXT
    if auth_type != wanted:
        return Dropped(DropReason.WRONG_AUTHENTICATION, f"type {auth_type}")
    if password is not None and not compare_digest(data, password.data):
        return Dropped(DropReason.WRONG_AUTHENTICATION, "another password")
    return None
