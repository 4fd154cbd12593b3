"""What a document refers to becomes keys, or a reason why not that tells no key."""

from ipaddress import ip_address

import pytest

from tests.unit.engine.samples import web
from vipkeeper.engine.credentials import credentials_of, with_news
from vipkeeper.ipc.authentication import HmacAuthentication, HmacKeyReference, PasswordAuthentication
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.trailer import HmacMode

ONE, TWO = b"1" * 32, bytes(range(64))
KEYS = (HmacKeyReference(1, "web_key-1"), HmacKeyReference(2, "web_key-2"))
SIGNED = web(authentication=HmacAuthentication(KEYS, 2, "Permissive", 5000))
WITH_PASSWORD = web(authentication=PasswordAuthentication("web_password"))


def test_without_authentication_there_is_nothing() -> None:
    credentials = credentials_of(web(), {"web_key-1": ONE})
    assert (credentials.password, credentials.authenticator(), credentials.problems) == (None, None, ())


def test_a_password_is_that_of_version_2() -> None:
    assert credentials_of(WITH_PASSWORD, {"web_password": b"geheim\n"}).password == SimpleText(b"geheim")


def test_keys_mode_and_window_are_those_of_the_document() -> None:
    authenticator = credentials_of(SIGNED, {"web_key-1": ONE, "web_key-2": TWO}).authenticator()
    assert authenticator is not None
    assert (authenticator.mode, authenticator.window_ns) == (HmacMode.PERMISSIVE, 5_000_000_000)
    assert authenticator.keys.active_id == 2
    assert all(authenticator.keys.find(key_id) for key_id in (1, 2))


@pytest.mark.parametrize(
    ("secrets", "problems"),
    [
        ({}, ("secret web_key-1 is missing", "secret web_key-2 is missing")),
        ({"web_key-1": ONE}, ("secret web_key-2 is missing",)),
        ({"web_key-1": ONE, "web_key-2": b"geheim"}, ("secret web_key-2 has 6 bytes; a key has 32 to 64",)),
    ],
)
def test_one_bad_key_is_enough_to_have_none(secrets: dict[str, bytes], problems: tuple[str, ...]) -> None:
    credentials = credentials_of(SIGNED, secrets)
    assert credentials.problems == problems
    assert credentials.authenticator() is None
    assert "geheim" not in repr(credentials)


def test_a_password_that_is_missing_or_too_long_is_a_problem() -> None:
    assert credentials_of(WITH_PASSWORD, {}).problems == ("secret web_password is missing",)
    problems = credentials_of(WITH_PASSWORD, {"web_password": b"123456789"}).problems
    assert problems == ("secret web_password has 9 bytes; a password of version 2 has 1 to 8",)


def test_new_keys_keep_the_memory_of_what_was_heard() -> None:
    """Else an advert that was taken just before would be taken again."""
    source, group = ip_address("192.0.2.1"), ip_address("224.0.0.18")
    before = credentials_of(SIGNED, {"web_key-1": ONE, "web_key-2": TWO}).authenticator()
    assert before is not None
    message = bytes.fromhex("3133c80100644402c0000264")
    signed = before.sign(message, source, group, 10**18)
    assert before.verify(message, signed[-28:], source, 10**18) == 2
    after = credentials_of(SIGNED, {"web_key-1": TWO, "web_key-2": TWO}).authenticator(before)
    assert after is before
    assert str(after.verify(message, signed[-28:], source, 10**18)).count("REPLAYED")


@pytest.mark.parametrize(
    ("news", "after"),
    [
        ({"web_key-1": TWO, "x": b"x"}, {"web_key-1": TWO, "web_key-2": TWO, "x": b"x"}),
        ({"web_key-1": b"short"}, {"web_key-1": ONE, "web_key-2": TWO}),
        ({}, {"web_key-1": ONE, "web_key-2": TWO}),
    ],
)
def test_the_last_good_secret_of_what_runs_stays(news: dict[str, bytes], after: dict[str, bytes]) -> None:
    kept = {"web_key-1": ONE, "web_key-2": TWO, "nobodys": ONE}
    assert with_news(kept, news, [SIGNED]) == after
