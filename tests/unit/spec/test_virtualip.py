"""operator/vipkeeper/spec/virtualip.py"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.unit.spec.objects import NOON
from vipkeeper.spec.virtualip import ServiceReference, Transition, VirtualIPSpec, VirtualIPStatus, parse_status


@pytest.mark.parametrize("port", [1, 80, 65535, "http", "http-2", "a" * 15])
def test_a_service_port_is_a_number_or_a_name(port: int | str) -> None:
    assert ServiceReference.model_validate({"namespace": "a", "name": "b", "port": port}).port == port


@pytest.mark.parametrize("port", [0, 65536, True, 80.0, "80", "", "a" * 16, "HTTP", "-a", None, "a\n"])
def test_and_nothing_else(port: object) -> None:
    with pytest.raises(ValidationError, match="port"):
        ServiceReference.model_validate({"namespace": "a", "name": "b", "port": port})


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
