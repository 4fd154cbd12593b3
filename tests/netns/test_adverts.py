"""What adverts and announcements look like on the wire, and what is made of those that are odd or bad."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import document, edited
from tests.netns.test_elections import speakers

VIP, VIP6 = "192.0.2.100", "2001:db8::100"

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]


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
