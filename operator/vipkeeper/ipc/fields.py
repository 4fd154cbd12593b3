"""Reading JSON at the door, with the standard library alone (the engine may load nothing else).

A `Fields` wraps one JSON object and hands out typed members. It never stops at the first fault: each problem is
noted with its path (`nodes.worker1.priority: 300 is not in 1..255`) and `finish()` raises them all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeVar

IPAddress = IPv4Address | IPv6Address
Choice = TypeVar("Choice", str, int)


class BadDocument(ValueError):
    """A document that does not fit. `problems` has every fault, each as `path: reason`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Fields:
    """One JSON object, read member by member. `path` is where it stands in the document ("" for the root)."""

    def __init__(self, value: object, path: str = "", problems: list[str] | None = None) -> None:
        self.path = path
        self.problems: list[str] = [] if problems is None else problems
        self._value: Mapping[str, Any] = {}
        if isinstance(value, Mapping):
            self._value = value
        else:
            self.note("", f"is {type(value).__name__}, not an object")

    def note(self, name: str, reason: str) -> None:
        """Record a problem of member `name` ("" for the object itself)."""
        where = ".".join(part for part in (self.path, name) if part) or "document"
        self.problems.append(f"{where}: {reason}")

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        value = self._value.get(name, default)
        if not isinstance(value, str):
            self.note(name, "is missing" if value is None else f"is {type(value).__name__}, not a text")
            return ""
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._value.get(name, default)
        if not isinstance(value, bool):
            self.note(name, f"is {type(value).__name__}, not true or false")
            return default
        return value

    def choice(self, name: str, choices: tuple[Choice, ...]) -> Choice:
        """One of `choices`; the first one is the default, and is returned in place of a wrong one."""
        value = self._value.get(name, choices[0])
        for known in choices:
            if value == known and type(value) is type(known):
                return known
        self.note(name, f"{value!r} is not one of {', '.join(str(known) for known in choices)}")
        return choices[0]

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number in low..high; `low` is returned in place of a wrong one."""
        value = self._value.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            self.note(name, "is missing" if value is None else f"is {type(value).__name__}, not a whole number")
            return low
        if not low <= value <= high:
            self.note(name, f"{value} is not in {low}..{high}")
            return low
        return value

    def address(self, name: str) -> IPAddress:
        text = self.text(name)
        try:
            return ip_address(text)
        except ValueError:
            self.note(name, f"{text!r} is not an IP address")
            return IPv4Address(0)

    def addresses(self, name: str) -> tuple[IPAddress, ...]:
        """A JSON array of addresses; absent: none."""
        found = []
        for text in self.texts(name):
            try:
                found.append(ip_address(text))
            except ValueError:
                self.note(name, f"{text!r} is not an IP address")
        return tuple(found)

    def names(self) -> tuple[str, ...]:
        """Of all members."""
        return tuple(str(name) for name in self._value)

    def child(self, name: str) -> Fields:
        return Fields(self._value.get(name, {}), f"{self.path}.{name}".lstrip("."), self.problems)

    def children(self, name: str) -> list[Fields]:
        """The members of a JSON array of objects."""
        value = self._value.get(name, [])
        if not isinstance(value, list):
            self.note(name, f"is {type(value).__name__}, not a list")
            return []
        where = f"{self.path}.{name}".lstrip(".")
        return [Fields(item, f"{where}[{index}]", self.problems) for index, item in enumerate(value)]

    def named_children(self, name: str) -> dict[str, Fields]:
        """The members of a JSON object of objects, by key."""
        value = self._value.get(name, {})
        if not isinstance(value, Mapping):
            self.note(name, f"is {type(value).__name__}, not an object")
            return {}
        where = f"{self.path}.{name}".lstrip(".")
        return {str(key): Fields(item, f"{where}.{key}", self.problems) for key, item in value.items()}

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._value.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.note(name, "is not a list of texts")
            return ()
        return tuple(value)

    def numbers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """Whole numbers in low..high."""
        value = self._value.get(name, [])
        if not isinstance(value, list) or not all(type(item) is int and low <= item <= high for item in value):
            self.note(name, f"is not a list of whole numbers in {low}..{high}")
            return ()
        return tuple(value)

    def finish(self) -> None:
        """Raise BadDocument when anything was wrong."""
        if self.problems:
            raise BadDocument(self.problems)
