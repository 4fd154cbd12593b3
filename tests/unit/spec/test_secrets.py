"""References to secrets, and what is told when they lead nowhere."""

import re
from base64 import b64encode

import pytest

from vipkeeper.ipc.secret_kinds import SecretKind
from vipkeeper.spec.rules import MAX_SECRET_PLACE
from vipkeeper.spec.secrets import (
    ForeignSecret,
    Place,
    Secrets,
    SecretUse,
    reference_of,
    secret_in_references,
    secret_problems,
    split_reference,
)

PATH = "spec.vrrp.authentication.hmac.keys[0]"
GOOD = {"web": {"key-1": b64encode(b"1" * 32).decode(), "short": b64encode(b"geheim").decode()}}


def problem(name: str, key: str, namespace: str = "", foreign: ForeignSecret | None = None) -> str:
    """`foreign`: what was said of Secret web in namespace shop."""
    use = SecretUse(PATH, reference_of(name, key, namespace), SecretKind.HMAC_KEY)
    return " ".join(secret_problems([use], Secrets("vk", GOOD, {Place("shop", "web"): foreign} if foreign else {})))


@pytest.mark.parametrize("namespace", ["", "shop", "s-1"])
def test_a_reference_can_be_taken_apart_whatever_its_parts_are(namespace: str) -> None:
    for name, key in [("a", "b"), ("a.b-c", "d_e.f"), ("x", "_"), ("x", "_y_z")]:
        assert split_reference(reference_of(name, key, namespace)) == (Place(namespace, name), key)


def test_references_of_the_operators_namespace_are_what_nodes_have_always_had() -> None:
    assert reference_of("web", "key-1") == "web_key-1"
    assert secret_in_references("www") == "www"


def test_the_longest_reference_is_a_key_of_a_secret_and_begins_with_what_no_name_begins_with() -> None:
    reference = reference_of("n" * (MAX_SECRET_PLACE - 63), "k" * 63, "s" * 63)
    assert re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", reference)
    assert len(reference) == 253
    assert reference[0] == "_"


def test_what_is_missing_is_named_with_the_field() -> None:
    assert problem("web", "key-1") == ""
    assert problem("api", "key-1") == f"{PATH}.secretRef: there is no Secret api in namespace vk (key key-1 is needed)"
    assert problem("web", "key-2") == f"{PATH}.secretRef: Secret vk/web has no key key-2"


def test_what_can_be_no_key_is_told_without_its_content() -> None:
    told = problem("web", "short")
    assert told == f"{PATH}.secretRef: key short of Secret vk/web has 6 bytes; a key has 32 to 64"


def test_one_of_another_namespace_is_that_one_and_no_namesake() -> None:
    good = ForeignSecret(200, GOOD["web"])
    assert problem("web", "key-1", "shop", good) == ""
    assert problem("web", "short", "shop", good).startswith(f"{PATH}.secretRef: key short of Secret shop/web has 6")
    assert problem("web", "key-2", "shop", good) == f"{PATH}.secretRef: Secret shop/web has no key key-2"
    missing = f"{PATH}.secretRef: there is no Secret web in namespace shop (key key-1 is needed)"
    assert problem("web", "key-1", "shop", ForeignSecret(404)) == missing


def test_the_operators_namespace_may_be_named() -> None:
    assert problem("web", "key-1", "vk") == ""
    assert problem("api", "key-1", "vk") == problem("api", "key-1")


def test_a_secret_that_may_not_be_read_is_told_with_the_commands_that_allow_just_that() -> None:
    assert problem("web", "key-1", "shop", ForeignSecret(403)) == (
        f"{PATH}.secretRef: the operator may not read Secret web in namespace shop: let it get this one: "
        "kubectl create role vipkeeper-web -n shop --verb=get --resource=secrets --resource-name=web && "
        "kubectl create rolebinding vipkeeper-web -n shop --role=vipkeeper-web "
        "--serviceaccount=vk:vipkeeper-controller"
    )


def test_it_is_told_once_for_certificate_and_key() -> None:
    kinds = {"tls.crt": SecretKind.CERTIFICATE, "tls.key": SecretKind.PRIVATE_KEY}
    uses = [SecretUse("spec.nginx.http[0].tls", reference_of("web", key, "shop"), kind) for key, kind in kinds.items()]
    secrets = Secrets("vk", GOOD, {Place("shop", "web"): ForeignSecret(403)})
    assert len(secret_problems(uses, secrets)) == 1


def test_other_troubles_of_the_api_server_are_told_as_it_says() -> None:
    told = problem("web", "key-1", "shop", ForeignSecret(500, message="500: etcd is full"))
    assert told == f"{PATH}.secretRef: Secret web in namespace shop can't be read: 500: etcd is full"


def test_one_too_many_is_told() -> None:
    assert "too many Secrets of other namespaces" in problem("web", "key-1", "shop")


def test_a_value_is_in_no_text() -> None:
    value = GOOD["web"]["key-1"]
    foreign = ForeignSecret(200, GOOD["web"])
    assert value not in repr((foreign, Secrets("vk", GOOD, {Place("shop", "web"): foreign})))


def test_a_file_is_for_hosts_without_kubernetes() -> None:
    use = SecretUse(PATH, "key", SecretKind.HMAC_KEY, file="key")
    assert secret_problems([use], Secrets("vk", GOOD)) == (
        f"{PATH}.file: is for `vipkeeper run`, which reads files; in a cluster write a secretRef",
    )
