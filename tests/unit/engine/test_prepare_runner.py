"""What comes back from `prepare`, also when it is nothing. (The process itself: tests/netns.)"""

import json

import pytest

from tests.unit.engine.samples import web
from vipkeeper.engine.inheritance import needs_of
from vipkeeper.engine.prepare_runner import read_answer

ASKED = {"web": web(), "other": web(name="other", interface="eth1")}


def test_an_answer_is_kept_with_the_needs_that_it_was_given_for() -> None:
    answer = {"results": {"web": {"interface": "eth0", "problems": []}, "other": {"interface": "", "problems": ["x"]}}}
    found = read_answer(json.dumps(answer).encode(), ASKED)
    assert (found["web"].interface, found["web"].problems) == ("eth0", ())
    assert (found["other"].interface, found["other"].problems) == ("", ("x",))
    assert {name: item.needs for name, item in found.items()} == {name: needs_of(item) for name, item in ASKED.items()}


@pytest.mark.parametrize("answer", [b"", b"{", b"[]", b'{"results": []}', b'{"results": {"web": 7}}'])
def test_without_an_answer_there_is_a_problem(answer: bytes) -> None:
    found = read_answer(answer, ASKED)
    assert found["other"].problems == ("prepare ended without an answer",)
    assert found["web"].interface == ""
