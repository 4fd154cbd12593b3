"""The authentication of a rendered document: references, never keys."""

from typing import Any

import pytest

from vipkeeper.ipc.authentication import (
    HmacAuthentication,
    HmacKeyReference,
    PasswordAuthentication,
    authentication_to_json,
    read_authentication,
)
from vipkeeper.ipc.fields import Fields
from vipkeeper.ipc.secret_kinds import SecretKind

HMAC = HmacAuthentication((HmacKeyReference(1, "web_a"), HmacKeyReference(255, "web_b")), 255, "ReceiveOnly", 5000)
PASSWORD = PasswordAuthentication("web_password")


def problems_of(value: Any) -> list[str]:
    fields = Fields(value, "authentication")
    read_authentication(fields)
    return fields.problems


@pytest.mark.parametrize("authentication", [HMAC, PASSWORD])
def test_it_survives_the_way_through_json(authentication: HmacAuthentication | PasswordAuthentication) -> None:
    fields = Fields(authentication_to_json(authentication))
    assert read_authentication(fields) == authentication
    assert fields.problems == []


def test_it_tells_what_it_refers_to_and_what_for() -> None:
    assert HMAC.references == {"web_a": SecretKind.HMAC_KEY, "web_b": SecretKind.HMAC_KEY}
    assert PASSWORD.references == {"web_password": SecretKind.PASSWORD}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"activeKey": 2}, "authentication.hmac.activeKey: 2 is not the id of a key"),
        ({"keys": []}, "authentication.hmac.keys: are not 1..8, each id once"),
        ({"keys": [{"id": 255, "secret": "a"}] * 2}, "authentication.hmac.keys: are not 1..8, each id once"),
        ({"mode": "Never"}, "authentication.hmac.mode: 'Never' is not one of Enforce, Permissive, ReceiveOnly"),
        ({"replayWindowMs": 0}, "authentication.hmac.replayWindowMs: 0 is not in 1..3600000"),
    ],
)
def test_what_does_not_fit_is_told(change: dict[str, Any], problem: str) -> None:
    value = authentication_to_json(HMAC)
    value["hmac"] |= change
    assert problem in problems_of(value)


def test_exactly_one_kind_is_needed() -> None:
    problem = "authentication: needs exactly one of password and hmac"
    assert problem in problems_of({})
    assert problem in problems_of(authentication_to_json(HMAC) | authentication_to_json(PASSWORD))
