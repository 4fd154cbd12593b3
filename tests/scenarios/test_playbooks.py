"""Plays every *.playbook of this folder. `rule_N` in a name is rule N of docs/conformance.md."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.scenarios.playbook import BadPlaybook, Scenario, play, read_playbook

PLAYBOOKS = sorted(Path(__file__).parent.glob("*.playbook"))
SCENARIOS = [pytest.param(told, id=f"{path.stem}-{told.name}") for path in PLAYBOOKS for told in read_playbook(path)]


@pytest.mark.parametrize("told", SCENARIOS)
def test_the_router_does_what_the_playbook_tells(told: Scenario) -> None:
    happened = play(told)
    difference = list(difflib.unified_diff(told.lines, happened, "told", "happened", lineterm="", n=99))
    assert not difference, "\n".join(["", *difference])


def test_no_two_scenarios_share_a_name() -> None:
    names = [told.name for path in PLAYBOOKS for told in read_playbook(path)]
    assert len(names) >= 25
    assert len(names) == len(set(names))


ROUTER = "router vrid=51 priority=100 interval=100cs address=192.0.2.10"


def test_a_wrong_deadline_in_a_playbook_is_seen() -> None:
    told = Scenario("wrong", (ROUTER, "0.0 >> startup", "<< state initialize -> backup (startup); wake at 3.609376"))
    assert play(told)[-1] == "         << state initialize -> backup (startup); wake at 3.609375"


def test_a_playbook_can_not_forget_a_timer() -> None:
    with pytest.raises(BadPlaybook, match=r"should have rung at 3\.609375"):
        play(Scenario("forgetful", (ROUTER, "0.0 >> startup", "3.7 >> advert")))
