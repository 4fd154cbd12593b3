"""References to secrets, and what is told when they lead nowhere."""

from base64 import b64encode

from vipkeeper.ipc.secret_kinds import SecretKind
from vipkeeper.spec.secrets import SecretUse, reference_of, secret_problems, split_reference

PATH = "spec.vrrp.authentication.hmac.keys[0]"
GOOD = {"web": {"key-1": b64encode(b"1" * 32).decode(), "short": b64encode(b"geheim").decode()}}


def problem(name: str, key: str) -> str:
    use = SecretUse(PATH, reference_of(name, key), SecretKind.HMAC_KEY)
    return " ".join(secret_problems([use], GOOD, "vk"))


def test_a_reference_can_be_taken_apart_whatever_its_parts_are() -> None:
    for name, key in [("a", "b"), ("a.b-c", "d_e.f"), ("x", "_")]:
        assert split_reference(reference_of(name, key)) == (name, key)


def test_what_is_missing_is_named_with_the_field() -> None:
    assert problem("web", "key-1") == ""
    assert problem("api", "key-1") == f"{PATH}.secretRef: there is no Secret api in namespace vk (key key-1 is needed)"
    assert problem("web", "key-2") == f"{PATH}.secretRef: Secret vk/web has no key key-2"


def test_what_can_be_no_key_is_told_without_its_content() -> None:
    told = problem("web", "short")
    assert told == f"{PATH}.secretRef: key short of Secret vk/web has 6 bytes; a key has 32 to 64"


def test_a_file_is_for_hosts_without_kubernetes() -> None:
    use = SecretUse(PATH, "key", SecretKind.HMAC_KEY, file="key")
    assert secret_problems([use], GOOD, "vk") == (
        f"{PATH}.file: is for `vipkeeper run`, which reads files; in a cluster write a secretRef",
    )
