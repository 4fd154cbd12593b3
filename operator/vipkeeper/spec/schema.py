"""From a pydantic model to the structural OpenAPI schema of a CRD: inlined, without null, without titles.

Kubernetes takes a narrow dialect: no `$ref`, no `anyOf` but for int-or-string, no default that is null. What pydantic
writes besides is translated here; what this file does not know is an error, never passed through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

KNOWN_KEYS = frozenset(
    {
        "type", "format", "description", "default", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength",
        "minItems", "maxItems", "maxProperties", "x-kubernetes-validations", "x-kubernetes-int-or-string",
        "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
    }
)  # fmt: skip
DROPPED_KEYS = frozenset({"title", "additionalProperties", "propertyNames"})


def structural_schema(model: type[BaseModel], with_defaults: bool) -> dict[str, Any]:
    """Schema of `model`. `with_defaults`: for a spec; nobody should see values in a status that nobody wrote."""
    raw = model.model_json_schema(by_alias=True)
    return _translate(raw, raw.get("$defs", {}), with_defaults)


def _translate(raw: Mapping[str, Any], definitions: Mapping[str, Any], with_defaults: bool) -> dict[str, Any]:
    source = _resolve(raw, definitions)
    result = {key: value for key, value in source.items() if key in KNOWN_KEYS}
    unknown = source.keys() - KNOWN_KEYS - DROPPED_KEYS - {"properties", "required", "items"}
    if unknown:
        raise ValueError(f"no structural schema for {sorted(unknown)} in {source}")
    if not with_defaults or result.get("default") in (None, [], {}):
        result.pop("default", None)
    if "description" in result:
        result["description"] = " ".join(result["description"].split())
    if source.get("type") == "integer":
        result["format"] = "int64"
    if isinstance(source.get("additionalProperties"), Mapping):
        result["additionalProperties"] = _translate(source["additionalProperties"], definitions, with_defaults)
    if "items" in source:
        result["items"] = _translate(source["items"], definitions, with_defaults)
    if "properties" in source:
        if required := source.get("required"):
            result["required"] = sorted(required)
        result["properties"] = {
            name: _translate(value, definitions, with_defaults) for name, value in source["properties"].items()
        }
    return result


def _resolve(raw: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Follow `$ref` and drop the null of an optional field; what stands beside the reference wins (the field's text)."""
    source = dict(raw)
    source.pop("$defs", None)
    if "anyOf" in source:
        (alternative,) = [item for item in source.pop("anyOf") if item.get("type") != "null"]
        source = {**alternative, **source}
    if "$ref" in source:
        target = definitions[source.pop("$ref").removeprefix("#/$defs/")]
        return {**_resolve(target, definitions), **source}
    if "const" in source:
        source["enum"] = [source.pop("const")]
    return source
