"""operator/vipkeeper/spec/parse_authentication.py, and its rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.spec.objects import parsed
from vipkeeper.ipc.authentication import HmacAuthentication, HmacKeyReference, PasswordAuthentication
from vipkeeper.ipc.secret_kinds import SecretKind
from vipkeeper.spec import rules
from vipkeeper.spec.secrets import SecretUse

PATH = "spec.vrrp.authentication"
FROM_SECRET = {"secretRef": {"name": "web", "key": "key-1"}}


def told(authentication: dict[str, Any], **vrrp: Any) -> list[str]:
    return list(rules.check_spec({"addresses": ["192.0.2.10"], "vrrp": vrrp | {"authentication": authentication}}))


def test_without_authentication_nothing_is_referred_to() -> None:
    assert (parsed().authentication, parsed().secret_uses) == (None, ())


def test_a_password_is_referred_to_not_written() -> None:
    item = parsed(vrrp={"version": 2, "authentication": {"pass": FROM_SECRET}})
    assert item.authentication == PasswordAuthentication("web_key-1")
    assert item.secret_uses == (SecretUse(f"{PATH}.pass", "web_key-1", SecretKind.PASSWORD),)


@pytest.mark.parametrize(("interval", "window_ms"), [("100ms", 5000), ("1s", 5000), ("2s", 6000), ("40s", 120_000)])
def test_the_window_is_three_intervals_and_five_seconds_at_least(interval: str, window_ms: int) -> None:
    hmac = {"keys": [{"id": 7} | FROM_SECRET]}
    item = parsed(vrrp={"advertisementInterval": interval, "authentication": {"hmac": hmac}})
    assert item.authentication == HmacAuthentication((HmacKeyReference(7, "web_key-1"),), 7, "Enforce", window_ms)


def test_all_of_hmac_comes_out() -> None:
    keys = [{"id": 1} | FROM_SECRET, {"id": 2, "secretRef": {"name": "other", "key": "k"}}]
    hmac = {"keys": keys, "activeKey": 2, "mode": "Permissive", "replayWindow": "30s"}
    item = parsed(vrrp={"authentication": {"hmac": hmac}})
    references = (HmacKeyReference(1, "web_key-1"), HmacKeyReference(2, "other_k"))
    assert item.authentication == HmacAuthentication(references, 2, "Permissive", 30_000)
    assert [use.path for use in item.secret_uses] == [f"{PATH}.hmac.keys[0]", f"{PATH}.hmac.keys[1]"]


def test_a_secret_of_another_namespace_is_referred_to_with_it() -> None:
    source = {"secretRef": {"namespace": "shop", "name": "web", "key": "key-1"}}
    item = parsed(vrrp={"version": 2, "authentication": {"pass": source}})
    assert item.authentication == PasswordAuthentication("_shop_web_key-1")
    assert item.secret_uses == (SecretUse(f"{PATH}.pass", "_shop_web_key-1", SecretKind.PASSWORD),)


def test_namespace_and_name_leave_room_for_the_key() -> None:
    place = {"namespace": "n" * 63, "name": "a" * 124, "key": "k"}
    assert told({"pass": {"secretRef": place}}, version=2) == []
    problem = f"{PATH}.pass.secretRef: {rules.SECRET_PLACE_LENGTH.message}"
    assert told({"pass": {"secretRef": place | {"name": "a" * 125}}}, version=2) == [problem]


def test_a_password_needs_version_2() -> None:
    assert told({"pass": FROM_SECRET}, version=2) == []
    assert told({"pass": FROM_SECRET}) == [f"{PATH}.pass: {rules.PASS_NEEDS_VERSION_2.message}"]


@pytest.mark.parametrize("authentication", [{}, {"pass": {"file": "a"}, "hmac": {"keys": [{"id": 1, "file": "a"}]}}])
def test_exactly_one_kind_is_written(authentication: dict[str, Any]) -> None:
    assert told(authentication, version=2) == [f"{PATH}: {rules.AUTHENTICATION.message}"]


@pytest.mark.parametrize("source", [{}, FROM_SECRET | {"file": "a"}])
def test_exactly_one_source_is_written(source: dict[str, Any]) -> None:
    assert told({"hmac": {"keys": [{"id": 1} | source]}}) == [f"{PATH}.hmac.keys[0]: {rules.SECRET_SOURCE.message}"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"activeKey": 2}, f"{PATH}.hmac.activeKey: 2 {rules.HMAC_ACTIVE_KEY.message}"),
        ({"keys": [{"id": 1, "file": "a"}] * 2}, f"{PATH}.hmac.keys: {rules.HMAC_KEY_IDS_UNIQUE.message} (1)"),
        ({"replayWindow": "999ms"}, f"{PATH}.hmac.replayWindow: 999ms {rules.REPLAY_WINDOW_BOUNDS.message}"),
        ({"replayWindow": "901s"}, f"{PATH}.hmac.replayWindow: 901s {rules.REPLAY_WINDOW_BOUNDS.message}"),
    ],
)
def test_ids_and_bounds(change: dict[str, Any], problem: str) -> None:
    assert told({"hmac": {"keys": [{"id": 1, "file": "a"}]} | change}) == [problem]
