"""The engine hears of the secrets that it needs, once each time they change."""

from base64 import b64encode
from dataclasses import replace

from tests.unit.agent.samples import NODE, document
from vipkeeper.agent.kube_watch import Changed, Deleted, Listed, Unreachable
from vipkeeper.agent.secret_values import SecretValues
from vipkeeper.ipc.authentication import HmacAuthentication, HmacKeyReference
from vipkeeper.ipc.messages import Secrets

SIGNED = replace(document(), authentication=HmacAuthentication((HmacKeyReference(1, "web_key-1"),), 1, "Enforce", 5000))


def secret(**values: bytes) -> dict[str, object]:
    data = {name.replace("__", "-"): b64encode(value).decode() for name, value in values.items()}
    return {"metadata": {"name": "vipkeeper-speaker-default"}, "data": data}


def test_nothing_is_said_before_the_secret_was_looked_for() -> None:
    values = SecretValues()
    values.take(Unreachable())
    assert values.news([SIGNED], NODE) is None


def test_what_documents_of_this_node_need_is_told_and_no_more() -> None:
    values = SecretValues()
    values.take(Listed((secret(web_key__1=b"one", tls=b"two"),)))
    assert values.news([], NODE) is None
    assert values.news([SIGNED], NODE) == Secrets({"web_key-1": b"one"})
    assert values.news([SIGNED], NODE) is None
    assert values.news([replace(SIGNED, nodes={})], NODE) == Secrets({})
    assert values.value("tls") == b"two"


def test_a_change_is_told_and_a_new_engine_hears_all_again() -> None:
    values = SecretValues()
    values.take(Listed(()))
    assert values.news([SIGNED], NODE) == Secrets({})
    values.take(Changed(secret(web_key__1=b"one")))
    assert values.news([SIGNED], NODE) == Secrets({"web_key-1": b"one"})
    values.told_nothing()
    assert values.news([SIGNED], NODE) == Secrets({"web_key-1": b"one"})
    values.take(Deleted(secret()))
    assert values.news([SIGNED], NODE) == Secrets({})
