"""From files to objects: YAML, many documents in a file, each known by file, number and name.

Strict where YAML is lax: a key that is written twice is a problem, not the second value. A file with a broken document
tells that one, and the ones before it are looked at all the same, so that all problems are told at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vipkeeper.spec.names import API_VERSION, VIRTUALIP_KIND
from vipkeeper.standalone.options import STDIN

_MEMBERS = {"apiVersion", "kind", "metadata", "spec", "status"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands."""

    file: str
    number: int = 0
    """Of the document in the file, from 1; 0: the file as a whole."""
    name: str = ""

    @property
    def folder(self) -> str:
        """To which paths in it are relative: the file's, or the present one for standard input."""
        return str(Path(self.file).parent.absolute())

    def __str__(self) -> str:
        document = f": document {self.number}" if self.number else ""
        return f"{self.file}{document}{f' ({self.name})' if self.name else ''}"


@dataclass(frozen=True, slots=True)
class Problem:
    place: Place
    text: str
    """`field path: reason` as a rule."""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(frozen=True, slots=True)
class FoundObject:
    """A VirtualIP by kind; its spec is not looked at yet."""

    place: Place
    value: Mapping[str, Any]


def read_objects(files: Iterable[str]) -> tuple[list[FoundObject], list[Problem]]:
    """Everything in `files`, in its order. Empty documents are passed over."""
    objects: list[FoundObject] = []
    problems: list[Problem] = []
    for file in files:
        try:
            text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(Place(shown(file)), _reason(error)))
            continue
        found = list(_documents(shown(file), text))
        objects += [item for item in found if isinstance(item, FoundObject)]
        problems += [item for item in found if isinstance(item, Problem)]
        if not found:
            problems.append(Problem(Place(shown(file)), "has no document"))
    return objects, problems


def _documents(file: str, text: str) -> Iterator[FoundObject | Problem]:
    number = 0
    try:
        for number, node in enumerate(yaml.compose_all(text, yaml.SafeLoader), 1):
            yield from _document(file, number, node)
    except yaml.YAMLError as error:  # what follows can't be told apart any more
        yield Problem(Place(file, number + 1), _reason(error))


def _document(file: str, number: int, node: yaml.Node) -> Iterator[FoundObject | Problem]:
    try:
        value = yaml.SafeLoader("").construct_document(node)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        yield Problem(Place(file, number), _reason(error))
        return
    if value is None:
        return
    yield from (Problem(Place(file, number), text) for text in _keys_twice(node, set()))
    yield from _object(file, number, value)


def _keys_twice(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """`seen`: nodes that were looked at; an alias may lead back to one."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys_twice(item, seen)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, item in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                yield f"line {key.start_mark.line + 1}: the key {key.value} is there twice"
            keys.add(str(key.value))
            yield from _keys_twice(item, seen)


def _object(file: str, number: int, value: object) -> Iterator[FoundObject | Problem]:
    if not isinstance(value, Mapping):
        yield Problem(Place(file, number), f"is {type(value).__name__}, not an object")
        return
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    place = Place(file, number, name if isinstance(name, str) else "")
    problems = list(_header_problems(value))
    yield from (Problem(place, problem) for problem in problems)
    if not problems:
        yield FoundObject(place, value)


def _header_problems(value: Mapping[str, Any]) -> Iterator[str]:
    if value.get("apiVersion") != API_VERSION:
        yield f"apiVersion: {value.get('apiVersion')!r} is not {API_VERSION}"
    if value.get("kind") != VIRTUALIP_KIND:
        yield f"kind: {value.get('kind')!r} is not {VIRTUALIP_KIND}, the only kind that runs without Kubernetes"
    if not isinstance(value.get("metadata"), Mapping):
        yield "metadata: is missing" if value.get("metadata") is None else "metadata: is not an object"
    for member in value.keys() - _MEMBERS:
        yield f"{member}: is not known"


def shown(file: str) -> str:
    """The file's name in a Place."""
    return "standard input" if file == STDIN else file


def _reason(error: OSError | ValueError | yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return " ".join(str(error).split())
