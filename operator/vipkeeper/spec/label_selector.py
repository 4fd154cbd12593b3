"""A label selector as text, as the API server takes it in a query: `app=web,tier in (a,b),!canary`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vipkeeper.spec.virtualip import LabelSelectorRequirement


def selector_text(labels: Mapping[str, str], expressions: Iterable[LabelSelectorRequirement]) -> str:
    """In one order, however it was written: equal selectors are watched once."""
    parts = [f"{key}={value}" for key, value in labels.items()]
    return ",".join(sorted([*parts, *map(_requirement, expressions)]))


def _requirement(item: LabelSelectorRequirement) -> str:
    match item.operator:
        case "Exists":
            return item.key
        case "DoesNotExist":
            return f"!{item.key}"
        case "In":
            return f"{item.key} in ({','.join(sorted(item.values))})"
        case "NotIn":
            return f"{item.key} notin ({','.join(sorted(item.values))})"
