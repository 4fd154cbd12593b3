"""What comes back from `prepare`, also when it is nothing. (What it finds: tests/netns/test_prepare.py.)"""

import json
import os
import time

import pytest

from tests.unit.engine.own_network import in_own_network, ip
from tests.unit.engine.samples import web
from vipkeeper.engine.inheritance import Prepared, needs_of
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.prepare_runner import LIMIT_NS, PrepareRunner, read_answer
from vipkeeper.ipc.rendered import RenderedVirtualIP

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


WITHOUT_ANSWER = ("prepare ended without an answer",)


class Guard:
    """Asks, and reaps the children."""

    def __init__(self) -> None:
        ip("link add one type veth peer name two")
        ip("address add 192.0.2.1/24 dev one")
        self.loop = Loop()
        self.results: list[dict[str, Prepared]] = []
        self.runner = PrepareRunner(self.loop, self.results.append)

    def ask(self, *documents: RenderedVirtualIP) -> None:
        self.runner.ask(documents, time.monotonic_ns())

    def wait_for(self, results: int) -> list[dict[str, Prepared]]:
        end = time.monotonic() + 60
        while len(self.results) < results:
            assert time.monotonic() < end
            self.loop.run_once(0.1)
        for _ in range(results):
            os.wait()
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        return self.results


@in_own_network
def test_the_process_answers_for_each_document() -> None:
    guard = Guard()
    far = web(name="far", addresses=web().addresses[1:2])
    guard.ask(web(), far)
    (found,) = guard.wait_for(1)
    assert found["web"] == Prepared(needs_of(web()), "one", ())
    assert found["far"].needs == needs_of(far)
    assert found["far"].interface == ""
    assert len(found["far"].problems) == 1


@in_own_network
def test_what_is_asked_while_one_runs_goes_to_the_next_and_only_as_it_is_by_then() -> None:
    guard = Guard()
    guard.ask(web())
    guard.ask(web(interface="eth7"), web(name="other"))
    guard.ask(web(interface="eth8"))
    first, second = guard.wait_for(2)
    assert {name: item.interface for name, item in first.items()} == {"web": "one"}
    assert {name: item.interface for name, item in second.items()} == {"web": "eth8", "other": "one"}


@in_own_network
def test_a_process_that_is_ended_has_given_no_answer_and_the_next_one_does() -> None:
    guard = Guard()
    guard.ask(web())
    guard.runner.stop()
    guard.ask(web(name="other"))
    first, second = guard.wait_for(2)
    assert first["web"] == Prepared(needs_of(web()), "", WITHOUT_ANSWER)
    assert second["other"].interface == "one"


@in_own_network
def test_a_process_that_takes_too_long_is_ended() -> None:
    guard = Guard()
    guard.runner.ask((web(),), time.monotonic_ns() - LIMIT_NS)  # so it has had its time already
    (found,) = guard.wait_for(1)
    assert found["web"].problems == WITHOUT_ANSWER
