"""Another virtual router has our VRID: it is told with what it says, moves nothing that it would not move anyway, and goes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, stays, wait_for
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Speaker, document
from vipkeeper.ipc.messages import Finding
from vipkeeper.ipc.rendered import NodeShare

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "keepalived")]

VIP, THEIRS = "192.0.2.100", "192.0.2.200"
INTERVAL_CS = 300
"""Ours: adverts that it refuses keep keepalived from sending its own for one of its intervals, each of them."""


def conflicts(speaker: Speaker) -> list[Finding]:
    status = speaker.status()
    return [] if status is None else [item for item in status.findings if item.kind == "VRIDConflict"]


def told(speaker: Speaker, source: str) -> Finding:
    found = wait_for(f"it is told\n{speaker.log()}", lambda: conflicts(speaker), 20)
    assert [item.source for item in found] == [source]
    return found[0]


@pytest.mark.parametrize(
    ("theirs", "state", "words"),
    [
        (VirtualRouter((THEIRS,), 50), "Active", ("version 3", "priority 50", THEIRS, "none of them ours")),
        (VirtualRouter((THEIRS,), 250), "Backup", ("version 3", "priority 250", THEIRS, "none of them ours")),
        (
            VirtualRouter((THEIRS,), 250, version=2, interval_cs=100),
            "Active",
            ("version 2", "priority 250", THEIRS, "WrongVersion"),
        ),
    ],
    ids=["a lower one", "a higher one that is followed", "one of version 2"],
)
def test_a_keepalived_with_our_vrid_and_other_addresses_is_told_until_it_is_gone(
    lan: Lan, theirs: VirtualRouter, state: str, words: tuple[str, ...]
) -> None:
    one, stranger = Speaker(lan.host("one")).start(), lan.host("stranger")
    one.apply(document({"one": 100}, VIP, interval_cs=INTERVAL_CS))
    one.wait_until("Active")
    keepalived = Keepalived(stranger, theirs)
    finding = told(one, stranger.ipv4)
    for word in (*words, "VRID 51"):
        assert word in finding.detail, finding.detail
    assert one.wait_until(state).state == state, "the election is the RFC's, whatever is told"
    stays("it stays while that one speaks, also when it says nothing new", lambda: conflicts(one), 12)
    keepalived.stop()
    wait_for(f"it goes\n{one.log()}", lambda: not conflicts(one), 30)
    one.wait_until("Active")


def test_one_that_signs_with_another_password_is_told(lan: Lan) -> None:
    one, stranger = Speaker(lan.host("one")).start(), lan.host("stranger")
    one.apply(replace(document({"one": 100}, VIP, interval_cs=INTERVAL_CS), vrrp_version=2))
    one.wait_until("Active")
    password = ("authentication {", "auth_type PASS", "auth_pass elsewise", "}")
    Keepalived(stranger, VirtualRouter((VIP,), 250, version=2, interval_cs=100, extra=password))
    assert "WrongAuthentication" in told(one, stranger.ipv4).detail


def test_ipv6_as_well(lan: Lan) -> None:
    one, stranger = Speaker(lan.host("one")).start(), lan.host("stranger")
    one.apply(document({"one": 100}, "2001:db8::100", interval_cs=INTERVAL_CS))
    one.wait_until("Active")
    Keepalived(stranger, VirtualRouter(("fe80::200", "2001:db8::200"), 50))
    assert "2001:db8::200" in told(one, stranger.link_local).detail


@pytest.mark.parametrize("known", [False, True], ids=["a neighbour", "a node of ours"])
def test_who_shares_an_address_or_is_a_node_of_ours_is_not_foreign(lan: Lan, known: bool) -> None:
    one, other = Speaker(lan.host("one")).start(), lan.host("other")
    ours = document({"one": 100, "other": 50}, VIP, interval_cs=INTERVAL_CS)
    if known:
        share = NodeShare(50, 1, segment_addresses=(ip_address(other.ipv4),))
        ours = replace(ours, nodes={**ours.nodes, "other": share})
    one.apply(ours)
    one.wait_until("Active")
    Keepalived(other, VirtualRouter((THEIRS,) if known else (VIP, THEIRS), 50))
    wait_for(f"it is heard\n{one.log()}", lambda: "OtherAddresses" in one.log())
    stays(f"nothing is told\n{one.log()}", lambda: not conflicts(one), 4)


def test_two_speakers_of_one_host_with_one_vrid_are_told_by_both_until_one_is_gone(lan: Lan) -> None:
    host = lan.host("one")
    first, second = (Speaker(host, placement=name, folder_name=name).start() for name in ("run-1", "run-2"))
    first.apply(document({"one": 100}, VIP, uid="uid-1", placement="run-1"))
    first.wait_until("Active")
    second.apply(document({"one": 100}, THEIRS, uid="uid-2", placement="run-2"))
    second.wait_until("Active")
    assert "run-1" in told(second, "run-1").detail
    assert "run-2" in told(first, "run-2").detail
    stays("it is asked now and then", lambda: conflicts(first) and conflicts(second), 12)
    second.stop()
    wait_for(f"it goes\n{first.log()}", lambda: not conflicts(first), 25)
