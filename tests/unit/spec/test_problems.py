"""operator/vipkeeper/spec/problems.py"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from vipkeeper.spec.problems import problems_of
from vipkeeper.spec.virtualip import VirtualIPSpec


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({}, "spec.addresses: is missing"),
        ({"addresses": "192.0.2.10"}, "spec.addresses: '192.0.2.10' is not a list"),
        ({"addresses": [1]}, "spec.addresses[0]: 1 is not a text"),
        ({"addresses": ["192.0.2.10"], "vrid": True}, "spec.vrid: True is not a whole number"),
        ({"addresses": ["192.0.2.10"], "vrid": 256}, "spec.vrid: 256 is above 255"),
        ({"addresses": ["192.0.2.10"], "vrouter": 1}, "spec.vrouter: is not known"),
        ({"addresses": ["192.0.2.10"], "nodes": 1}, "spec.nodes: 1 is not an object"),
        ({"addresses": ["1"]}, "spec.addresses[0]: '1' is shorter than 2 characters"),
        ([], "spec: [] is not an object"),
    ],
)
def test_a_problem_is_told_with_path_value_and_reason(spec: object, problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        VirtualIPSpec.model_validate(spec)
    assert problem in list(problems_of(caught.value, "spec"))
