"""Who gets the address: priorities, preemption, families; and what the frames on the wire look like."""

from __future__ import annotations

import sys
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


def test_both_forms_of_the_checksum_are_sent_as_told_and_taken_by_the_other(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    capture = lan.capture("ip proto 112")
    plain = document({"one": 200, "two": 100}, VIP)
    one.apply(replace(plain, checksum="MessageOnly"))
    two.apply(plain)
    one.wait_until("Active")
    two.wait_until("Backup")
    stays("two hears it", lambda: lan.owners(VIP) == ["one"] and two.is_in("Backup"), 2)
    assert "remark=OtherChecksum" in two.log()
    one.host.cut()
    two.wait_until("Active")
    wait_for("two says something", lambda: _checksum_is_right(capture.lines(), two.host.mac))
    assert set(_checksum_is_right(capture.lines(), two.host.mac)) == {True}
    assert set(_checksum_is_right(capture.lines(), one.host.mac)) == {False}, "tcpdump knows the other form only"


def _checksum_is_right(lines: list[str], mac: str) -> list[bool]:
    """What tcpdump thinks of each advert from `mac`."""
    return ["bad vrrp cksum" not in line for line in lines if line.split()[1] == mac and "VRRPv3" in line]


def test_the_version_may_be_changed_while_it_runs(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    before = document({"one": 200, "two": 100}, VIP, VIP6)
    for speaker in (one, two):
        speaker.apply(before)
    one.wait_until("Active")
    two.wait_until("Backup")
    capture = lan.capture("ip proto 112")
    for speaker in (one, two):
        speaker.apply(edited(before, vrrp_version=2, advertisement_interval_cs=100))
    stays("one keeps it, two hears it", lambda: one.is_in("Active") and two.is_in("Backup"), 5)
    said = [line for line in capture.lines() if line.split()[1] == one.host.mac]
    assert "VRRPv2" in said[-1], said
    assert not [line for line in capture.lines() if "bad vrrp cksum" in line]
    assert lan.owners(VIP) == lan.owners(VIP6) == ["one"]
    one.host.cut()
    two.wait_until("Active")


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


def test_adverts_and_gratuitous_arp_have_the_form_that_others_expect(lan: Lan) -> None:
    (one,) = speakers(lan, "one")
    lan.host("client")
    capture = lan.capture("vrrp or arp")
    one.apply(document({"one": 200}, VIP, interval_cs=10))
    one.wait_until("Active")
    wait_for("all announcements", lambda: len(_gratuitous(capture.lines())) >= 4)
    adverts = [line for line in capture.lines() if "VRRPv3" in line]
    for line in adverts:
        assert "192.0.2.1 > 224.0.0.18" in line
        assert "tos 0xc0" in line
        assert "ttl 255" in line
        assert "prio 200" in line
        assert "intvl 10cs" in line
        assert "bad vrrp cksum" not in line
    for line in _gratuitous(capture.lines()):
        assert f"{one.host.mac} > ff:ff:ff:ff:ff:ff" in line
        assert f"who-has {VIP} (ff:ff:ff:ff:ff:ff) tell {VIP}" in line
    details = one.host.address_details(VIP)
    assert details["prefixlen"] == 32
    assert details["noprefixroute"] is True
    assert str(details.get("protocol")) in ("0x76", "118", "None")  # iproute2 before 6.0 does not show it


def _gratuitous(lines: list[str]) -> list[str]:
    return [line for line in lines if "who-has" in line and f"tell {VIP}" in line]


def test_packets_of_strangers_are_counted_and_told_and_teach_nothing(lan: Lan) -> None:
    (one,) = speakers(lan, "one")
    stranger = lan.host("stranger")
    one.apply(document({"one": 100}, VIP))
    one.wait_until("Active")
    code = (
        "from scapy.all import Ether, IP, Raw, sendp;"
        "frame = Ether(dst='01:00:5e:00:00:12') / IP(src='192.0.2.2', dst='224.0.0.18', ttl=%d, proto=112);"
        "sendp(frame / Raw(bytes.fromhex('3133ff0100190000c0000264')), iface='eth0', count=%d, verbose=False)"
    )
    python = [sys.executable, "-W", "ignore", "-c"]
    stranger.run(*python, code % (254, 3))  # VRID 51, priority 255, but TTL 254
    stranger.run(*python, code % (255, 5))  # no checksum
    wait_for("both causes are logged", lambda: "WrongTTL" in one.log() and "WrongChecksum" in one.log())
    assert one.log().count("cause=WrongTTL") == 1
    one.leave_agent()  # counters are told at the next change, each minute, and to whoever connects
    rejected = {(r.cause, r.source): r.count for r in one.wait_until("Active").rejected}
    assert rejected == {("WrongTTL", "192.0.2.2"): 3, ("WrongChecksum", "192.0.2.2"): 5}
    assert {state for state, _reason in one.agent.transitions()} == {"Active"}


def test_odd_adverts_are_believed_and_told_once(lan: Lan) -> None:
    one, two = speakers(lan, "one", "two")
    one.apply(document({"one": 200}, VIP))
    one.wait_until("Active")
    two.apply(document({"two": 100}, VIP, "192.0.2.101", interval_cs=50))
    two.wait_until("Backup")
    wait_for("it is told", lambda: "remark=OtherAddresses" in two.log())
    stays("two believes it", lambda: two.is_in("Backup"), 2)
    assert [two.log().count(f"remark={remark} ") for remark in ("OtherInterval", "OtherAddresses")] == [1, 1]
    assert f"source={one.host.ipv4} priority=200" in two.log()


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
