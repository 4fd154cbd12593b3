"""operator/vipkeeper/spec/label_selector.py"""

from __future__ import annotations

from typing import Any

import pytest

from vipkeeper.spec.label_selector import selector_text
from vipkeeper.spec.virtualip import LabelSelectorRequirement


def requirement(**members: Any) -> LabelSelectorRequirement:
    return LabelSelectorRequirement.model_validate(members)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ({"key": "tier", "operator": "In", "values": ["b", "a"]}, "tier in (a,b)"),
        ({"key": "tier", "operator": "NotIn", "values": ["a"]}, "tier notin (a)"),
        ({"key": "example.com/x", "operator": "Exists"}, "example.com/x"),
        ({"key": "canary", "operator": "DoesNotExist"}, "!canary"),
    ],
)
def test_each_operator_as_the_api_server_reads_it(expression: dict[str, Any], text: str) -> None:
    assert selector_text({}, [requirement(**expression)]) == text


def test_equal_selectors_are_equal_texts() -> None:
    one = selector_text({"b": "2", "a": ""}, [requirement(key="c", operator="Exists")])
    other = selector_text({"a": "", "b": "2"}, [requirement(key="c", operator="Exists")])
    assert one == other == "a=,b=2,c"
