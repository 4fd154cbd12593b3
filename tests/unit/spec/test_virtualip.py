"""operator/vipkeeper/spec/virtualip.py"""

from __future__ import annotations

import pytest

from tests.unit.spec.objects import NOON
from vipkeeper.spec.virtualip import Transition, VirtualIPSpec, VirtualIPStatus, parse_status


def test_an_interface_that_is_written_as_null_is_an_absent_one() -> None:
    assert (
        VirtualIPSpec.model_validate({"addresses": ["192.0.2.10"], "interface": None, "vrid": None}).interface is None
    )


@pytest.mark.parametrize("value", [None, {}, [], "text", {"nodes": 3}, {"conditions": [{"type": "Ready"}]}])
def test_a_status_that_cannot_be_read_is_an_empty_one(value: object) -> None:
    assert parse_status(value) == VirtualIPStatus()


def test_a_status_survives_the_way_through_the_api() -> None:
    status = VirtualIPStatus(vrid=51, last_transition=Transition(from_="n1", to="n2", reason="NoResponse", time=NOON))
    assert status.to_json()["lastTransition"]["from"] == "n1"
    assert parse_status(status.to_json()) == status
    assert status.condition("Ready") is None
