"""Secrets of other namespaces: asked for by name, at once and then now and then; what is known of them in plans."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from tests.unit.controller.world import NAMESPACE, SETTINGS_WITH_PEERS, World
from vipkeeper.controller import foreign_secrets
from vipkeeper.controller.api import ApiRefused
from vipkeeper.controller.foreign_secrets import ForeignSecrets, Wanted, wanted_secrets
from vipkeeper.controller.kinds import CONFIGMAP, SECRET, VIRTUALIP, Kind
from vipkeeper.spec.names import PEER_KEYS_SECRET, placement_secret_name
from vipkeeper.spec.secrets import Place

KEY, OTHER_KEY = (b64encode(text).decode() for text in (b"1" * 32, b"2" * 32))
PLACE = Place("shop", "web")


class Answers:
    """What the API server says, and what it was asked."""

    def __init__(self) -> None:
        self.secrets: dict[Place, dict[str, str]] = {}
        self.refusals: dict[Place, int] = {}
        self.asked: list[Place] = []

    def get(self, kind: Kind, name: str, namespace: str = "") -> dict[str, Any] | None:
        assert kind is SECRET
        place = Place(namespace, name)
        self.asked.append(place)
        if place in self.refusals:
            raise ApiRefused(self.refusals[place], "no")
        return {"data": self.secrets[place]} if place in self.secrets else None


class Operator:
    """As the loop does it: catch up, then plan."""

    def __init__(self, world: World) -> None:
        self.world, self.answers, self.now = world, Answers(), 0.0
        self.secrets = ForeignSecrets(self.answers, world.state, NAMESPACE, lambda: None, lambda: self.now)

    def turn(self) -> list[Place]:
        """Returns what was asked for."""
        before = len(self.answers.asked)
        asyncio.run(self.secrets.catch_up())
        self.world.settle()
        return self.answers.asked[before:]

    def copied(self) -> Any:
        return self.world.get(SECRET, placement_secret_name("default"))["data"]


@pytest.fixture
def operator() -> Operator:
    return Operator(World())


def hmac(namespace: str = "shop", name: str = "web", key: str = "key-1") -> dict[str, Any]:
    keys = [{"id": 1, "secretRef": {"namespace": namespace, "name": name, "key": key}}]
    return {"authentication": {"hmac": {"keys": keys}}}


def test_one_that_may_be_read_is_taken_before_the_first_plan(operator: Operator) -> None:
    operator.answers.secrets[PLACE] = {"key-1": KEY, "unused": OTHER_KEY}
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    assert operator.turn() == [PLACE]
    assert operator.copied() == {"_shop_web_key-1": KEY}
    assert operator.world.condition("web", "Accepted")["status"] == "True"
    assert KEY not in str(operator.world.get(CONFIGMAP, "virtualip-web"))
    assert operator.world.state.foreign_secrets[PLACE].data == {"key-1": KEY}, "only what is needed is kept"


def test_a_certificate_is_taken_too(operator: Operator) -> None:
    pem = {
        "tls.crt": b64encode(b"-----BEGIN CERTIFICATE-----").decode(),
        "tls.key": b64encode(b"-----BEGIN PRIVATE KEY-----").decode(),
    }
    operator.answers.secrets[PLACE] = pem
    tls = {"secretRef": {"namespace": "shop", "name": "web"}}
    operator.world.virtualip(
        "web", vrid=51, nginx={"http": [{"port": 443, "tls": tls, "response": {"statusCode": 200}}]}
    )
    operator.turn()
    assert operator.copied() == {f"_shop_web_{key}": value for key, value in pem.items()}
    section = operator.world.documents()["web"].nginx
    assert section is not None
    assert section.http[0].tls is not None
    assert set(section.http[0].tls.references) == set(operator.copied())


def test_it_is_asked_for_again_each_ten_seconds_and_no_sooner(operator: Operator) -> None:
    operator.answers.secrets[PLACE] = {"key-1": KEY}
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    operator.world.virtualip("api", vrid=52, addresses=["192.0.2.11"], vrrp=hmac())
    assert operator.turn() == [PLACE], "once for both"
    operator.answers.secrets[PLACE] = {"key-1": OTHER_KEY}
    operator.now = 9.9
    assert operator.turn() == []
    assert operator.secrets.due_at == 10.0
    operator.now = 10.0
    assert operator.turn() == [PLACE]
    assert operator.copied() == {"_shop_web_key-1": OTHER_KEY}


def test_a_right_that_comes_later_is_noticed_and_one_that_goes_stops_nothing(operator: Operator) -> None:
    operator.answers.refusals[PLACE] = 403
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    operator.turn()
    condition = operator.world.condition("web", "Accepted")
    assert (condition["status"], condition["reason"]) == ("False", "SecretMissing")
    assert "may not read Secret web in namespace shop" in condition["message"]
    assert f"--serviceaccount={NAMESPACE}:vipkeeper-controller" in condition["message"]
    assert operator.world.documents() == {}

    operator.now, operator.answers.refusals = 10.0, {}
    operator.answers.secrets[PLACE] = {"key-1": KEY}
    operator.turn()
    document = operator.world.documents()["web"]
    for now, refusals, told in ((20.0, {PLACE: 403}, "may not read"), (30.0, {}, "there is no Secret web")):
        operator.now, operator.answers.refusals = now, refusals
        operator.answers.secrets.clear()
        operator.turn()
        assert told in operator.world.condition("web", "Accepted")["message"]
        assert (operator.world.documents()["web"], operator.copied()) == (document, {"_shop_web_key-1": KEY})


def test_an_api_server_in_trouble_makes_nothing_missing(operator: Operator) -> None:
    operator.answers.secrets[PLACE] = {"key-1": KEY}
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    operator.turn()
    operator.now, operator.answers.refusals = 10.0, {PLACE: 500}
    assert operator.turn() == [PLACE]
    assert operator.world.condition("web", "Accepted")["status"] == "True"


def test_another_key_of_a_known_secret_is_asked_for_at_once(operator: Operator) -> None:
    operator.answers.secrets[PLACE] = {"key-1": KEY, "key-2": OTHER_KEY}
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    operator.turn()
    operator.world.virtualip("web", vrid=51, vrrp=hmac(key="key-2"))
    operator.turn()
    assert operator.copied() == {"_shop_web_key-2": OTHER_KEY}


def test_what_runs_is_followed_while_its_next_generation_is_refused(operator: Operator) -> None:
    operator.answers.secrets[PLACE] = {"key-1": KEY}
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    operator.turn()
    operator.world.virtualip("web", vrid=51, vrrp=hmac(name="none"))
    operator.answers.secrets[PLACE] = {"key-1": OTHER_KEY}
    operator.now = 10.0
    assert set(operator.turn()) == {PLACE, Place("shop", "none")}
    assert operator.copied() == {"_shop_web_key-1": OTHER_KEY}


def test_with_the_last_reference_it_is_forgotten(operator: Operator) -> None:
    operator.answers.secrets[PLACE] = {"key-1": KEY}
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    operator.turn()
    operator.world.remove(VIRTUALIP, "web")
    operator.turn()
    operator.now = 60.0
    assert operator.turn() == []
    assert (operator.world.state.foreign_secrets, operator.secrets.due_at) == ({}, float("inf"))


def test_requests_are_bounded_in_number_and_in_a_turn(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_secrets, "MAX_SECRETS", 5)
    monkeypatch.setattr(foreign_secrets, "AGAIN_IN_A_TURN", 3)
    for number in range(6):
        place = Place("shop", f"web-{number}")
        operator.answers.secrets[place] = {"key-1": KEY}
        vrrp = hmac(name=place.name)
        operator.world.virtualip(place.name, vrid=51 + number, addresses=[f"192.0.2.{10 + number}"], vrrp=vrrp)
        operator.world.wait(1)
    asked = operator.turn()
    assert len(asked) == 5
    assert "too many Secrets" in operator.world.condition("web-5", "Accepted")["message"]
    operator.now = 10.0
    assert operator.turn() + operator.turn() == asked, "the longest unasked first"
    assert operator.turn() == []


def test_the_operators_own_namespace_is_not_asked_and_the_peers_keys_are_for_nobody() -> None:
    operator = Operator(World(SETTINGS_WITH_PEERS))
    operator.world.settle()
    assert PEER_KEYS_SECRET in operator.world.names(SECRET)
    operator.world.virtualip("web", vrid=51, vrrp=hmac(NAMESPACE, PEER_KEYS_SECRET, "keys"))
    assert operator.turn() == []
    assert "there is no Secret vipkeeper-peer-keys" in operator.world.condition("web", "Accepted")["message"]


def test_a_document_that_somebody_changed_by_hand_makes_no_strange_request(operator: Operator) -> None:
    operator.answers.secrets[PLACE] = {"key-1": KEY}
    operator.world.virtualip("web", vrid=51, vrrp=hmac())
    operator.turn()
    value = operator.world.get(CONFIGMAP, "virtualip-web")
    for strange in ("_shop_../../nodes/x_key-1", "_a/b_web_key-1", "_", "_shop", "_shop_web?x_key-1"):
        text = {name: content.replace("_shop_web_key-1", strange) for name, content in value["data"].items()}
        operator.world.put(CONFIGMAP, {**value, "data": text})
        assert strange in str(operator.world.state.configmaps["virtualip-web"].document)
        assert wanted_secrets(operator.world.state, NAMESPACE) == [Wanted(PLACE, frozenset({"key-1"}))]
