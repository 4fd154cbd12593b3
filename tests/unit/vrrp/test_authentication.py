from __future__ import annotations

import pytest

from vipkeeper.vrrp.authentication import SimpleText, authentication_of, refuse_authentication
from vipkeeper.vrrp.drops import Dropped, DropReason

PASSWORD = SimpleText(b"s3cret")
DATA = b"s3cret\0\0"


@pytest.mark.rule(22)
def test_type_0_sends_zeros_and_ignores_what_it_gets() -> None:
    assert authentication_of(None) == (0, bytes(8))
    assert refuse_authentication(0, b"whatever", None) is None


def test_type_1_sends_the_password_padded_with_zeros() -> None:
    assert authentication_of(PASSWORD) == (1, DATA)
    assert refuse_authentication(1, DATA, PASSWORD) is None


@pytest.mark.rule(41)
@pytest.mark.hostile(33)
@pytest.mark.parametrize("auth_type", [0, 2, 9, 255])
def test_another_type_is_refused_with_the_right_password_too(auth_type: int) -> None:
    refused = Dropped(DropReason.WRONG_AUTHENTICATION, f"type {auth_type}")
    assert refuse_authentication(auth_type, DATA, PASSWORD) == refused


@pytest.mark.rule(41)
@pytest.mark.hostile(33)
@pytest.mark.parametrize("auth_type", [1, 2, 9])
def test_who_has_no_password_takes_type_0_only(auth_type: int) -> None:
    refused = Dropped(DropReason.WRONG_AUTHENTICATION, f"type {auth_type}")
    assert refuse_authentication(auth_type, bytes(8), None) == refused


@pytest.mark.hostile(33)
@pytest.mark.parametrize("data", [b"s3cret\0\1", b"S3cret\0\0", b"s3cre\0\0\0", bytes(8)])
def test_another_password_is_refused_and_not_told(data: bytes) -> None:
    refused = Dropped(DropReason.WRONG_AUTHENTICATION, "another password")
    assert refuse_authentication(1, data, PASSWORD) == refused


@pytest.mark.parametrize("password", [b"", b"ninebytes"])
def test_a_password_that_does_not_fit_is_refused(password: bytes) -> None:
    with pytest.raises(ValueError, match=f"a password of {len(password)} bytes is not 1..8"):
        SimpleText(password)


def test_a_password_is_not_printed() -> None:
    assert "s3cret" not in repr(PASSWORD)
