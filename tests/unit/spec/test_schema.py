"""operator/vipkeeper/spec/schema.py"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from vipkeeper.spec.crd import speaker_crd, virtualip_crd
from vipkeeper.spec.model import Written
from vipkeeper.spec.schema import structural_schema


class Inner(Written):
    """The type's text."""

    name: str
    """Its name."""


class Outer(Written):
    """All
    of it."""

    number: Annotated[int, Field(ge=1)] = 3
    optional: Annotated[str | None, Field(max_length=4)] = None
    inner: Inner
    """The field's text wins."""
    bare: Inner
    many: Annotated[tuple[Inner, ...], Field(max_length=2)] = ()
    labels: dict[str, Annotated[str, Field(max_length=63)]] = Field(default_factory=dict)


def test_references_are_inlined_null_is_gone_and_texts_are_one_line() -> None:
    schema = structural_schema(Outer, with_defaults=True)
    name = {"type": "string", "description": "Its name."}
    assert schema == {
        "type": "object",
        "description": "All of it.",
        "required": ["bare", "inner"],
        "properties": {
            "number": {"type": "integer", "format": "int64", "minimum": 1, "default": 3},
            "optional": {"type": "string", "maxLength": 4},
            "inner": {
                "type": "object",
                "description": "The field's text wins.",
                "required": ["name"],
                "properties": {"name": name},
            },
            "bare": {
                "type": "object",
                "description": "The type's text.",
                "required": ["name"],
                "properties": {"name": name},
            },
            "many": {
                "type": "array",
                "maxItems": 2,
                "items": {
                    "type": "object",
                    "description": "The type's text.",
                    "required": ["name"],
                    "properties": {"name": name},
                },
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
        },
    }


def test_a_status_has_no_defaults() -> None:
    assert "default" not in structural_schema(Outer, with_defaults=False)["properties"]["number"]


def test_what_is_not_known_to_be_structural_is_an_error() -> None:
    class Strange(BaseModel):
        number: Annotated[int, Field(multiple_of=3)]

    with pytest.raises(ValueError, match="multipleOf"):
        structural_schema(Strange, with_defaults=True)

    class Either(BaseModel):
        value: int | Decimal

    with pytest.raises(ValueError):
        structural_schema(Either, with_defaults=True)


def described(schema: dict[str, Any], path: str) -> Iterator[tuple[str, bool]]:
    for name, child in schema.get("properties", {}).items():
        yield f"{path}.{name}", bool(child.get("description"))
        yield from described(child, f"{path}.{name}")
    if "items" in schema:
        yield from described(schema["items"], f"{path}[]")


@pytest.mark.parametrize("crd", [virtualip_crd(), speaker_crd()], ids=["virtualips", "vrrpspeakers"])
def test_kubectl_explain_has_something_to_say_about_every_field(crd: dict[str, Any]) -> None:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in ("spec", "status"):
        assert schema["properties"][part]["description"]
        silent = [path for path, said in described(schema["properties"][part], part) if not said]
        assert silent == []
