"""operator/vipkeeper/ipc/members.py"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from vipkeeper.ipc import members
from vipkeeper.ipc.fields import BadDocument, Fields
from vipkeeper.ipc.members import choice, number


@dataclass(frozen=True, slots=True)
class Part:
    port: int | str
    in_use: bool = False

    def problem(self) -> str:
        return "is the devil's" if self.port == 666 else ""


@dataclass(frozen=True, slots=True)
class Whole:
    size_ms: int = number(1, 10)
    kind: str = choice("Plain", "Odd")
    names: tuple[str, ...] = ()
    part: Part | None = None
    parts: tuple[Part, ...] = ()


def read(value: Any) -> Whole:
    source = Fields(value)
    result = members.from_json(Whole, source)
    source.finish()
    return result


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Whole(3), {"sizeMs": 3}),
        (Whole(3, "Odd", ("a", "b")), {"sizeMs": 3, "kind": "Odd", "names": ["a", "b"]}),
        (Whole(3, part=Part(80)), {"sizeMs": 3, "part": {"port": 80}}),
        (Whole(3, part=Part("http", True)), {"sizeMs": 3, "part": {"portName": "http", "inUse": True}}),
        (Whole(3, parts=(Part(1), Part("a"))), {"sizeMs": 3, "parts": [{"port": 1}, {"portName": "a"}]}),
    ],
)
def test_a_value_survives_the_way_and_defaults_are_left_out(value: Whole, written: dict[str, Any]) -> None:
    assert members.to_json(value) == written
    assert read(written) == value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "sizeMs: is missing"),
        ({"sizeMs": 11}, "sizeMs: 11 is not in 1..10"),
        ({"sizeMs": 1, "kind": "Other"}, "kind: 'Other' is not one of Plain, Odd"),
        ({"sizeMs": 1, "names": "a"}, "names: is not a list of texts"),
        ({"sizeMs": 1, "part": {"port": 0}}, "part.port: 0 is not in 1..65535"),
        ({"sizeMs": 1, "part": {"port": 666}}, "part: is the devil's"),
        ({"sizeMs": 1, "parts": [{"port": 1}, {"port": 1, "inUse": 3}]}, "parts[1].inUse: is int, not true or false"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(value: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        read(value)
    assert problem in caught.value.problems


def test_members_that_are_not_known_are_passed_over() -> None:
    assert read({"sizeMs": 1, "later": True}) == Whole(1)
