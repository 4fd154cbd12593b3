"""Values of the pure core (`vrrp/`) as JSON, and back: events, actions, configurations, states.

Each value says what it is, so that a member that a router gets tomorrow needs no line here:

    ["State", "Active"]    ["ip", "192.0.2.1"]    ["tuple", 1, 2]    ["set", ...]    ["SendAdvert", {"priority": 100}]

Members of a dataclass that have their default value are left out. Law: no secret comes out of here. Passwords, and
bytes of any kind, become numbers: equal ones the same number, so that the core sees the same changes in a replay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import ModuleType
from typing import Any

from vipkeeper.vrrp import actions, advert, config, events, state, transport
from vipkeeper.vrrp.authentication import SimpleText


def _kinds(*modules: ModuleType) -> dict[str, Any]:
    """Dataclasses and enums of these modules, by name."""
    found = [item for module in modules for item in vars(module).values() if isinstance(item, type)]
    return {
        item.__name__: item
        for item in found
        if item.__module__.startswith("vipkeeper.vrrp.")
        and (issubclass(item, Enum) or hasattr(item, "__dataclass_fields__"))
    }


_KINDS = _kinds(actions, advert, config, events, state, transport)
_SECRETS: dict[str, Callable[[int], Any]] = {
    "SimpleText": lambda number: SimpleText(b"%d" % number),
    "bytes": lambda number: b"%d" % number,
}


class Encoder:
    """Its numbers for secrets hold for one journal."""

    def __init__(self) -> None:
        self._secrets: dict[Any, int] = {}

    def encode(self, value: Any) -> Any:
        """Never fails: what is of no known kind becomes a value that can't be read back, and says so then."""
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind in (IPv4Address, IPv6Address):
            return ["ip", str(value)]
        if kind is tuple:
            return ["tuple", *map(self.encode, value)]
        if kind is frozenset:
            return ["set", *map(self.encode, sorted(value, key=str))]
        if kind.__name__ in _SECRETS:
            return [kind.__name__, self._secrets.setdefault(value, len(self._secrets) + 1)]
        if kind.__name__ not in _KINDS:
            return ["unknown", kind.__name__]
        if isinstance(value, Enum):
            return [kind.__name__, value.value]
        return [kind.__name__, self._members(value)]

    def _members(self, value: Any) -> dict[str, Any]:
        members = {}
        for name, field in value.__dataclass_fields__.items():
            member = getattr(value, name)
            if field.default is MISSING or member != field.default:
                members[name] = self.encode(member)
        return members


def decode(value: Any) -> Any:
    """Raises ValueError with the reason when `value` is nothing that an Encoder has made."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        raise ValueError(f"{_short(value)} is no value of a journal")
    name, *rest = value
    try:
        if name == "tuple":
            return tuple(map(decode, rest))
        if name == "set":
            return frozenset(map(decode, rest))
        return _single(name, *rest)
    except (TypeError, KeyError) as error:
        raise ValueError(f"{_short(value)} is no {name}: {error}") from error


def _single(name: str, content: Any) -> Any:
    if name == "ip":
        return ip_address(content)
    if name in _SECRETS:
        return _SECRETS[name](int(content))
    kind = _KINDS.get(name)
    if kind is None:
        raise ValueError(f"a value of the kind {_short(content if name == 'unknown' else name)} can't be read back")
    if issubclass(kind, Enum):
        return kind(content)
    return kind(**{member: decode(item) for member, item in content.items()})


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
