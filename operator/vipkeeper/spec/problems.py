"""pydantic's complaints in our words: `spec.addresses[1]: is missing`. One line each, the path first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

_REASONS = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "int_type": "{input!r} is not a whole number",
    "string_type": "{input!r} is not a text",
    "bool_type": "{input!r} is not true or false",
    "tuple_type": "{input!r} is not a list",
    "model_type": "{input!r} is not an object",
    "dict_type": "{input!r} is not an object",
    "greater_than_equal": "{input!r} is below {ge}",
    "less_than_equal": "{input!r} is above {le}",
    "literal_error": "{input!r} is not one of {expected}",
    "string_pattern_mismatch": "{input!r} does not match {pattern}",
    "string_too_short": "{input!r} is shorter than {min_length} characters",
    "string_too_long": "{input!r} is longer than {max_length} characters",
    "too_short": "has {actual_length} members, {min_length} is the least",
    "too_long": "has {actual_length} members, {max_length} is the most",
    "value_error": "{input!r} {error}",
}


def problems_of(error: ValidationError, root: str = "") -> Iterator[str]:
    """Every problem as `path: reason`; `root` is put before each path."""
    for item in error.errors(include_url=False):
        yield f"{_path(root, item['loc'])}: {_reason(item)}"


def _reason(item: Any) -> str:
    template = _REASONS.get(item["type"])
    if template is None:
        return f"{item['input']!r}: {item['msg']}"
    return template.format(input=item["input"], **item.get("ctx", {}))


def _path(root: str, location: tuple[int | str, ...]) -> str:
    path = root
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or "document"
