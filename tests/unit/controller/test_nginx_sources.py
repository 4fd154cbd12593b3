"""What an nginx section refers to: ConfigMaps and certificates (operator/vipkeeper/controller/decisions.py)."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.unit.controller.world import World
from vipkeeper.controller.kinds import CONFIGMAP, SECRET

OWN = {"configMapRef": {"name": "site"}}
TEXT = "http { server { listen 80; return 200 %s; } }"
HTTPS = {"http": [{"port": 443, "tls": {"secretRef": {"name": "site"}}, "response": {}}]}


def config_map(world: World, text: str, key: str = "nginx.conf") -> None:
    world.put(CONFIGMAP, {"metadata": {"name": "site"}, "data": {key: text}})


def certificate(world: World, **values: str) -> None:
    data = {name.replace("_", "."): b64encode(text.encode()).decode() for name, text in values.items()}
    world.put(SECRET, {"metadata": {"name": "site"}, "type": "kubernetes.io/tls", "data": data})


def running_text(world: World) -> str:
    section = world.documents()["web"].nginx
    assert section is not None
    assert section.own_configuration is not None
    return section.own_configuration.text


def accepted(world: World) -> tuple[str, str, str]:
    condition: Any = world.condition("web", "Accepted")
    return condition["status"], condition["reason"], condition["message"]


def test_an_nginx_conf_comes_into_the_document_and_so_does_each_change_of_it() -> None:
    world = World()
    config_map(world, TEXT % "a")
    world.virtualip("web", vrid=51, nginx=OWN)
    world.settle()
    assert running_text(world) == TEXT % "a"
    config_map(world, TEXT % "b")
    world.settle()
    assert running_text(world) == TEXT % "b"


def test_one_that_is_missing_or_broken_is_told_and_the_last_good_one_runs_on() -> None:
    world = World()
    world.virtualip("web", vrid=51, nginx=OWN)
    world.settle()
    assert accepted(world)[:2] == ("False", "ConfigMapMissing")
    assert accepted(world)[2].startswith("spec.nginx.configMapRef: there is no ConfigMap site in namespace ")
    config_map(world, TEXT % "a")
    world.settle()
    assert accepted(world)[0] == "True"
    config_map(world, "http {")
    world.settle()
    assert accepted(world)[1] == "Invalid"
    assert 'line 1: the block of "http" is not closed' in accepted(world)[2]
    assert running_text(world) == TEXT % "a"


def test_a_certificate_is_copied_for_the_placement_and_a_broken_one_is_told() -> None:
    world = World()
    world.virtualip("web", vrid=51, nginx=HTTPS)
    world.settle()
    assert accepted(world)[1] == "SecretMissing"
    assert accepted(world)[2].startswith("spec.nginx.http[0].tls.secretRef: there is no Secret site in namespace")
    certificate(world, tls_crt="-----BEGIN CERTIFICATE-----", tls_key="-----BEGIN PRIVATE KEY-----")
    world.settle()
    assert accepted(world)[0] == "True"
    copied = world.get(SECRET, "vipkeeper-speaker-default")["data"]
    assert set(copied) == {"site_tls.crt", "site_tls.key"}
    certificate(world, tls_crt="what is this", tls_key="-----BEGIN PRIVATE KEY-----")
    world.settle()
    assert "key tls.crt of Secret" in accepted(world)[2]
    assert world.get(SECRET, "vipkeeper-speaker-default")["data"] == copied, "the last good one stays"
