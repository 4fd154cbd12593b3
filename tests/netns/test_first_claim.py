"""Somebody else has the address: it is told by MAC address and not claimed, until that one is gone."""

from __future__ import annotations

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]


@pytest.mark.parametrize("vip", ["192.0.2.100", "2001:db8::100"])
def test_an_address_that_somebody_else_has_is_not_claimed_until_it_is_free(lan: Lan, vip: str) -> None:
    one, stranger = Speaker(lan.host("one")).start(), lan.host("stranger")
    length = 24 if "." in vip else 64
    stranger.run("ip", "address", "add", f"{vip}/{length}", "dev", "eth0", *([] if "." in vip else ["nodad"]))
    one.apply(document({"one": 200}, vip, interval_cs=10))
    wait_for(f"it is told\n{one.log()}", lambda: "AddressConflict" in (one.told().faults if one.status() else ()))
    (finding,) = one.told().findings
    assert (finding.kind, finding.source) == ("AddressConflict", stranger.mac)
    stays("it is not claimed", lambda: lan.owners(vip) == ["stranger"], 1.0)
    stranger.run("ip", "address", "del", f"{vip}/{length}", "dev", "eth0")
    one.wait_until("Active")
    assert one.told().findings == ()


def test_the_active_that_answers_is_no_conflict(lan: Lan) -> None:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    both = document({"one": 100, "two": 200}, interval_cs=100)
    one.apply(both)
    one.wait_until("Active")
    two.apply(both)
    assert two.wait_until("Active").reason == "Preempted"
    assert [state for state, _reason in two.agent.transitions()] == ["Initialize", "Backup", "Active"]
    one.wait_until("Backup")
