"""Who gets the address: priorities, preemption, families. (What the frames on the wire look like: test_adverts.py.)"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document, edited
from vipkeeper.ipc.rendered import NodeShare

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
VIP6 = "2001:db8::100"


def speakers(lan: Lan, *names: str, ipv4: bool = True) -> list[Speaker]:
    return [Speaker(lan.host(name, ipv4=ipv4)).start() for name in names]


def test_of_three_the_next_by_priority_takes_over_and_the_first_comes_back(lan: Lan) -> None:
    one, two, three = speakers(lan, "one", "two", "three")
    shares = {"one": 200, "two": 150, "three": 100}
    for speaker in (one, two, three):
        speaker.apply(document(shares, VIP))
    one.wait_until("Active")
    for speaker in (two, three):
        speaker.wait_until("Backup")
    before = three.agent.transitions()
    one.host.cut()
    two.wait_until("Active")
    one.host.heal()
    wait_for("the address is on one alone", lambda: lan.owners(VIP) == ["one"])
    two.wait_until("Backup")
    assert three.agent.transitions() == before


def test_without_preempt_the_first_one_stays_backup_when_it_returns(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    two.apply(document({"one": 200, "two": 100}, VIP, preempt=False))
    two.wait_until("Active")
    one.apply(document({"one": 200, "two": 100}, VIP, preempt=False))
    one.wait_until("Backup")
    stays("two keeps it", lambda: two.is_in("Active") and one.is_in("Backup"), 2)
    two.apply(edited(document({"one": 200, "two": 100}, VIP), preempt=True))
    one.apply(edited(document({"one": 200, "two": 100}, VIP), preempt=True))
    one.wait_until("Active")
    two.wait_until("Backup")


def test_with_a_preempt_delay_the_first_one_waits_before_it_takes_the_address_back(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    both = replace(document({"one": 200, "two": 100}, VIP), preempt_delay_ms=3000)
    two.apply(both)
    two.wait_until("Active")
    one.apply(both)
    one.wait_until("Backup")
    stays("two keeps it", lambda: lan.owners(VIP) == ["two"], 2)
    assert one.wait_until("Active").reason == "Preempted"
    two.wait_until("Backup")
    wait_for("one owner", lambda: lan.owners(VIP) == ["one"])


def test_crossed_priorities_share_the_work(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    for speaker in (one, two):
        speaker.apply(
            document({"one": 200, "two": 100}, VIP, name="left", vrid=1),
            document({"one": 100, "two": 200}, "192.0.2.101", name="right", vrid=2),
        )
    one.wait_until("Active", "left")
    two.wait_until("Active", "right")
    assert (lan.owners(VIP), lan.owners("192.0.2.101")) == (["one"], ["two"])
    two.host.cut()
    one.wait_until("Active", "right")
    assert one.is_in("Active", "left")


def test_priorities_that_change_move_the_address(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    first = document({"one": 200, "two": 100}, VIP)
    for speaker in (one, two):
        speaker.apply(first)
    one.wait_until("Active")
    two.wait_until("Backup")
    second = edited(first, nodes={"one": NodeShare(100, 1), "two": NodeShare(200, 0)})
    for speaker in (one, two):
        speaker.apply(second)
    two.wait_until("Active")
    one.wait_until("Backup")
    wait_for("one owner", lambda: lan.owners(VIP) == ["two"])


def test_ipv6_only_hosts_elect_by_their_link_local_addresses(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two", ipv4=False)
    client = lan.host("client", ipv4=False)
    capture = lan.capture("icmp6 or ip6 proto 112")
    for speaker in (one, two):
        speaker.apply(document({"one": 200, "two": 100}, VIP6))
    one.wait_until("Active")
    wait_for("the address answers", lambda: client.answers(VIP6))
    adverts = [line for line in capture.lines() if "vrrp" in line.lower() and line.split()[1] == one.host.mac]
    assert adverts, capture.text()
    assert all(f"{one.host.link_local} > ff02::12" in line and "hlim 255" in line for line in adverts)
    assert all("class 0xc0" in line for line in adverts)
    wait_for("neighbour advertisements", lambda: len(_advertisements(capture.lines(), one.host.mac)) >= 3)
    for line in _advertisements(capture.lines(), one.host.mac):
        assert "> 33:33:00:00:00:01" in line
        assert "hlim 255" in line
        assert "Flags [router, override]" in line
        assert f"tgt is {VIP6}" in line
        assert one.host.mac in line.partition("destination link-address option")[2]
    details = one.host.address_details(VIP6)
    assert details["prefixlen"] == 128
    assert details["preferred_life_time"] == 0
    assert 0 < details["valid_life_time"] <= 2
    one.host.cut()
    two.wait_until("Active")
    wait_for("the address answers", lambda: client.answers(VIP6))
    assert client.neighbour_mac(VIP6) == two.host.mac
    assert two.told().segment == "2001:db8::/64"


def _advertisements(lines: list[str], mac: str) -> list[str]:
    return [
        line
        for line in lines
        if line.split()[1] == mac and "neighbor advertisement" in line and VIP6 in line and "ff02::1" in line
    ]


@pytest.mark.parametrize(("first", "second"), [(VIP, VIP6), (VIP6, VIP)])
def test_both_families_in_one_document_move_together(lan: Lan, first: str, second: str) -> None:
    one, two = speakers(lan, "one", "two")
    client = lan.host("client")
    capture = lan.capture("vrrp or ip6 proto 112")
    for speaker in (one, two):
        speaker.apply(document({"one": 200, "two": 100}, first, second))
    one.wait_until("Active")
    for address in (VIP, VIP6):
        wait_for(f"{address} answers", partial(client.answers, address))
        assert lan.owners(address) == ["one"]
    one.host.cut()
    two.wait_until("Active")
    one.host.run("true")
    for address in (VIP, VIP6):
        wait_for(f"{address} answers", partial(client.answers, address))
        assert client.neighbour_mac(address) == two.host.mac
    group = "224.0.0.18" if first == VIP else "ff02::12"
    assert all(f"> {group}" in line for line in capture.lines()), "only the first family has an election"


def test_two_machines_that_could_not_hear_each_other_settle_it_when_they_can(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    client = lan.host("client")
    one.host.cut()
    for speaker in (one, two):
        speaker.apply(replace(document({"one": 200, "two": 100}, VIP)))
        speaker.wait_until("Active")
    wait_for("the client reaches two", lambda: client.answers(VIP))
    one.host.heal()
    two.wait_until("Backup")
    wait_for("the client is told who won", lambda: client.neighbour_mac(VIP) == one.host.mac)
