"""operator/vipkeeper/peering/keys.py"""

from __future__ import annotations

import pytest

from vipkeeper.peering.keys import BadKeys, read_keys

ONE, TWO = b"the first key of them", b"the second key of them"


def test_the_first_key_signs_and_all_of_them_verify() -> None:
    keys = read_keys(b"# who may read this may move addresses\n\n" + ONE + b"\r\n" + TWO + b"\n")
    assert keys.signing.key_id == read_keys(ONE).signing.key_id
    assert set(keys.verifying) == {read_keys(ONE).signing.key_id, read_keys(TWO).signing.key_id}


def test_a_key_is_named_by_itself_and_its_name_gives_nothing_away() -> None:
    first, second = read_keys(ONE).signing, read_keys(TWO).signing
    assert first.key_id != second.key_id
    assert first.tag(b"data") != second.tag(b"data")
    assert first.key_id not in ONE


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "there is no key in it"),
        (b"# nothing but a remark\n", "there is no key in it"),
        (b"too short", "line 1 has 9 bytes, not 16 to 64"),
        (ONE + b"\n" + b"x" * 65, "line 2 has 65 bytes, not 16 to 64"),
        (b"\n".join(b"one of many keys %d" % number for number in range(9)), "there are 9 keys in it, and 8"),
    ],
)
def test_what_is_no_list_of_keys_is_refused_without_showing_it(text: bytes, problem: str) -> None:
    with pytest.raises(BadKeys, match=problem) as caught:
        read_keys(text)
    assert "too short" not in str(caught.value)
