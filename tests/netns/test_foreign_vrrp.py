"""Another virtual router has our VRID: it is told with what it says, moves nothing that it would not move anyway, and goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, stays, wait_for
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Speaker, document
from vipkeeper.ipc.messages import Finding
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "keepalived")]

VIP, THEIRS = "192.0.2.100", "192.0.2.200"
INTERVAL_CS = 300
"""Ours: adverts that it refuses keep keepalived from sending its own for one of its intervals, each of them."""


def conflicts(speaker: Speaker, name: str = "web") -> list[Finding]:
    status = speaker.status(name)
    return [] if status is None else [item for item in status.findings if item.kind == "VRIDConflict"]


def told(speaker: Speaker, source: str, name: str = "web") -> Finding:
    found = wait_for(f"it is told\n{speaker.log()}", lambda: conflicts(speaker, name), 20)
    assert [item.source for item in found] == [source]
    return found[0]


@dataclass(frozen=True)
class Case:
    """A virtual IP of ours, and who has its VRID."""

    name: str
    theirs: VirtualRouter
    state: str
    words: tuple[str, ...]

    @property
    def ours(self) -> RenderedVirtualIP:
        vrid = self.theirs.vrid
        return document({"one": 100}, f"192.0.2.1{vrid}", name=self.name, vrid=vrid, interval_cs=INTERVAL_CS)


FOREIGN = "none of them ours"
CASES = (
    Case("lower", VirtualRouter(("192.0.2.201",), 50), "Active", ("version 3", "priority 50", "192.0.2.201", FOREIGN)),
    Case(
        "higher-and-followed",
        VirtualRouter(("192.0.2.202",), 250, 52),
        "Backup",
        ("version 3", "priority 250", "192.0.2.202", FOREIGN),
    ),
    Case(
        "of-version-2",
        VirtualRouter(("192.0.2.203",), 250, 53, version=2, interval_cs=100),
        "Active",
        ("version 2", "priority 250", "192.0.2.203", "WrongVersion"),
    ),
)


def test_a_keepalived_with_our_vrid_and_other_addresses_is_told_until_it_is_gone(lan: Lan) -> None:
    """Three of them at once, each with the VRID of another virtual IP of ours."""
    one, strangers = Speaker(lan.host("one")).start(), [lan.host(f"stranger{n}") for n in range(len(CASES))]
    for case in CASES:
        one.take(case.ours)
    neighbours = [Keepalived(host, case.theirs) for host, case in zip(strangers, CASES, strict=True)]
    for host, case in zip(strangers, CASES, strict=True):
        finding = told(one, host.ipv4, case.name)
        for word in (*case.words, f"VRID {case.theirs.vrid}"):
            assert word in finding.detail, finding.detail
        one.wait_until(case.state, case.name)  # the election is the RFC's, whatever is told
    stays(
        "it stays while that one speaks, also when it says nothing new",
        lambda: all(conflicts(one, case.name) for case in CASES),
        12,
    )
    assert [one.told(case.name).state for case in CASES] == [case.state for case in CASES]
    for neighbour in neighbours:
        neighbour.stop()
    for case in CASES:
        wait_for(f"it goes\n{one.log()}", lambda name=case.name: not conflicts(one, name), 30)  # type: ignore[misc]
        one.wait_until("Active", case.name)


def test_one_that_signs_with_another_password_is_told(lan: Lan) -> None:
    one, stranger = Speaker(lan.host("one")).start(), lan.host("stranger")
    one.take(replace(document({"one": 100}, VIP, interval_cs=INTERVAL_CS), vrrp_version=2))
    password = ("authentication {", "auth_type PASS", "auth_pass elsewise", "}")
    Keepalived(stranger, VirtualRouter((VIP,), 250, version=2, interval_cs=100, extra=password))
    assert "WrongAuthentication" in told(one, stranger.ipv4).detail


def test_ipv6_as_well(lan: Lan) -> None:
    one, stranger = Speaker(lan.host("one")).start(), lan.host("stranger")
    one.take(document({"one": 100}, "2001:db8::100", interval_cs=INTERVAL_CS))
    Keepalived(stranger, VirtualRouter(("fe80::200", "2001:db8::200"), 50))
    assert "2001:db8::200" in told(one, stranger.link_local).detail


@pytest.mark.parametrize("known", [False, True], ids=["a neighbour", "a node of ours"])
def test_who_shares_an_address_or_is_a_node_of_ours_is_not_foreign(lan: Lan, known: bool) -> None:
    one, other = Speaker(lan.host("one")).start(), lan.host("other")
    ours = document({"one": 100, "other": 50}, VIP, interval_cs=INTERVAL_CS)
    if known:
        share = NodeShare(50, 1, segment_addresses=(ip_address(other.ipv4),))
        ours = replace(ours, nodes={**ours.nodes, "other": share})
    one.take(ours)
    Keepalived(other, VirtualRouter((THEIRS,) if known else (VIP, THEIRS), 50))
    wait_for(f"it is heard\n{one.log()}", lambda: "OtherAddresses" in one.log())
    stays(f"nothing is told\n{one.log()}", lambda: not conflicts(one), 4)
