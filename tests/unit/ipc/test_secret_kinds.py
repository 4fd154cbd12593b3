"""What can be a key or a password, told by lengths alone."""

import pytest

from vipkeeper.ipc.secret_kinds import SecretKind, problem_of, value_of


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\r\n", b"secret"),
        (b"secret\n\n", b"secret\n\n"),
        (b"\x00random\n", b"\x00random\n"),
        (b"", b""),
    ],
)
def test_the_line_end_behind_a_text_is_no_part_of_it(content: bytes, value: bytes) -> None:
    assert value_of(content) == value


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (SecretKind.HMAC_KEY, [bytes(32), bytes(64), b"a" * 64 + b"\n"], [b"", bytes(31), bytes(65)]),
        (SecretKind.PASSWORD, [b"a", b"12345678", b"12345678\n"], [b"", b"123456789", b"a b", b"\xe4", b"\n"]),
        (SecretKind.CERTIFICATE, [b"-----BEGIN CERTIFICATE-----\n..."], [b"", b"-----BEGIN PRIVATE KEY-----\n..."]),
        (
            SecretKind.PRIVATE_KEY,
            [b"-----BEGIN PRIVATE KEY-----\n...", b"-----BEGIN EC PRIVATE KEY-----\n..."],
            [b"", b"-----BEGIN CERTIFICATE-----\n...", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n..."],
        ),
        (SecretKind.OPAQUE, [b"", bytes(10_000)], []),
    ],
)
def test_each_kind_has_its_length(kind: SecretKind, good: list[bytes], bad: list[bytes]) -> None:
    assert [problem_of(kind, content) for content in good] == [""] * len(good)
    assert all(problem_of(kind, content) for content in bad)


def test_a_problem_does_not_tell_the_content() -> None:
    assert problem_of(SecretKind.HMAC_KEY, b"geheim") == "has 6 bytes; a key has 32 to 64"
    assert "geh im" not in problem_of(SecretKind.PASSWORD, b"geh im")
