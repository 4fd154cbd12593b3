"""The base of all our API types: camelCase outside, snake_case inside, nothing unknown, nothing coerced.

A status is read tolerantly (an older or newer peer may have written it), a spec strictly: so unknown members of a spec
are problems, those of a status are passed over. Both dump to the JSON that the API server stores.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from vipkeeper.spec.rules import Rule


class Written(BaseModel):
    """Part of a spec: written by a person, so strict."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        use_attribute_docstrings=True,
    )

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Reported(BaseModel):
    """Part of a status: written by a program of ours, perhaps of another version."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def to_rfc3339(moment: datetime) -> str:
    """UTC with milliseconds, e.g. 2026-01-02T03:04:05.678Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_rfc3339_seconds(moment: datetime) -> str:
    """As metav1.Time: UTC, whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(to_rfc3339, return_type=str, when_used="json")]
Second = Annotated[datetime, PlainSerializer(to_rfc3339_seconds, return_type=str, when_used="json")]


def kubernetes(*rules: Rule) -> dict[str, Any]:
    """CEL rules for a field or a type, as `json_schema_extra`."""
    return {"x-kubernetes-validations": [rule.to_cel() for rule in rules]}


def list_map(key: str) -> dict[str, Any]:
    """A list whose members are told apart by `key`, as `json_schema_extra`."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}
