"""Dataclasses to JSON objects and back, by their type hints: one way of writing for documents with many small parts.

A member is written in camelCase and left out where it has its default, so a part of a document that says little is
little. Reading notes every problem with its path (`Fields`) and puts a harmless value in its place. A type may have a
method `problem()` for what one member alone can't tell.

Known member types: int, str, bool, `int | str` (the text is written as `<name>Name`), a dataclass or None, and tuples
of texts or of dataclasses. Standard library alone: the engine reads documents, too.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from vipkeeper.ipc.fields import Fields

T = TypeVar("T")

_HINTS: dict[type, dict[str, Any]] = {}


def number(low: int, high: int, default: Any = MISSING) -> Any:
    """A dataclass field: a whole number within bounds."""
    return field(default=default, metadata={"bounds": (low, high)})


def choice(*choices: str) -> Any:
    """A dataclass field: one of these texts; the first one is the default."""
    return field(default=choices[0], metadata={"choices": choices})


def to_json(value: Any) -> dict[str, Any]:
    """The object as JSON values; members with their default value are left out."""
    result: dict[str, Any] = {}
    for member in fields(value):
        content = getattr(value, member.name)
        if content != _default(member):
            key = _camel_case(member.name)
            is_name = isinstance(content, str) and _hints(type(value))[member.name] == int | str
            result[f"{key}Name" if is_name else key] = _plain(content)
    return result


def from_json(type_: type[T], source: Fields) -> T:
    """Read `type_`; problems are noted in `source`."""
    values = {member.name: _read(member, _hints(type_)[member.name], source) for member in fields(type_)}  # type: ignore[arg-type]
    result = type_(**values)
    problem = getattr(result, "problem", None)
    if problem is not None and (text := problem()):
        source.note("", text)
    return result


def _read(member: Field[Any], hint: Any, source: Fields) -> Any:
    key, default = _camel_case(member.name), _default(member)
    if hint is int:
        low, high = member.metadata.get("bounds", (0, 2**31 - 1))
        return source.number(key, low, high, None if default is MISSING else default)
    if hint is bool:
        return source.flag(key, bool(default))
    if hint is str:
        if choices := member.metadata.get("choices"):
            return source.choice(key, choices)
        return source.text(key, None if default is MISSING else default)
    if hint == int | str:
        return source.text(f"{key}Name") if source.has(f"{key}Name") else source.number(key, 1, 65535)
    if get_origin(hint) is tuple:
        item = get_args(hint)[0]
        return source.texts(key) if item is str else tuple(from_json(item, child) for child in source.children(key))
    if get_origin(hint) is UnionType:
        (part,) = (item for item in get_args(hint) if item is not NoneType)
        return from_json(part, source.child(key)) if source.has(key) else None
    raise TypeError(f"{member.name}: no way to read {hint}")


def _plain(content: Any) -> Any:
    if isinstance(content, tuple):
        return [_plain(item) for item in content]
    return to_json(content) if is_dataclass(content) else content


def _default(member: Field[Any]) -> Any:
    return member.default


def _hints(type_: type) -> dict[str, Any]:
    if type_ not in _HINTS:
        _HINTS[type_] = get_type_hints(type_)
    return _HINTS[type_]


def _camel_case(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
