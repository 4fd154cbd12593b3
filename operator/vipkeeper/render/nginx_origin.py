"""Whose fault it is: from nginx's words about a rendered file to the VirtualIP and the field that they come from.

nginx names a line ("unknown directive "x" in /path:57"), an address ("bind() to 192.0.2.10:80 failed") or a file
("cannot load certificate "/path""). The line leads to the nearest mark (`nginx_directives.mark`) before it in its
block, or in a block around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK = re.compile(r"# (?P<virtualip>[a-z0-9-]+): (?P<field>spec\S*)$")
_LINE = re.compile(r" in \S+:(\d+)$", re.MULTILINE)
_BIND = re.compile(r"(?:bind|listen)\(\) to (\S+?),? failed")
_QUOTED = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Origin:
    virtualip: str
    field: str


def origin_of(complaint: str, text: str) -> Origin | None:
    """None: nothing in `text` (the rendered file) tells."""
    lines = text.splitlines()
    for number in _candidates(complaint, lines):
        if 0 <= number < len(lines) and (found := _nearest_mark(lines, number)) is not None:
            return found
    return None


def _candidates(complaint: str, lines: list[str]) -> Iterator[int]:
    """Indices of lines, the surest first."""
    yield from (int(number) - 1 for number in _LINE.findall(complaint))
    listens = [f"listen {place}" for place in _BIND.findall(complaint)]
    wanted = [*listens, *(quoted for quoted in _QUOTED.findall(complaint) if len(quoted) > 3)]
    for text in wanted:
        yield from (number for number, line in enumerate(lines) if _has_word(line, text))


def _has_word(line: str, text: str) -> bool:
    return re.search(rf"(?<![\w.:]){re.escape(text)}(?![\w.:])", line) is not None


def _nearest_mark(lines: list[str], number: int) -> Origin | None:
    margin = _margin(lines[number])
    for line in reversed(lines[:number]):
        if _margin(line) > margin:
            continue  # in a block that ended before
        if _margin(line) == margin and (found := _MARK.match(line.strip())):
            return Origin(found["virtualip"], found["field"])
        margin = _margin(line)
    return None


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
