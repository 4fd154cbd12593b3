"""What is no conflict about an address: whatever a peer says when it takes over, two Actives that settle it, the virtual MAC
address. (What is one: test_address_conflict.py.)"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, stays
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Speaker, document
from tests.netns.stranger import Stranger
from tests.netns.test_address_conflict import VIP, VIP6, arp, conflicts, has_ever_told, settle
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]


def test_our_own_and_the_virtual_mac_address_and_other_addresses_are_no_conflict(lan: Lan) -> None:
    one, stranger = Speaker(lan.host("one")).start(), Stranger(lan.host("stranger"))
    one.apply(document({"one": 100}, VIP))
    one.wait_until("Active")
    settle(one)
    for mac in (one.host.mac, "00:00:5e:00:01:33"):
        stranger.send(arp(mac, VIP, VIP))
    stranger.send(arp("02:00:00:00:00:66", "192.0.2.101", "192.0.2.101"))
    stranger.send(arp("02:00:00:00:00:66", "0.0.0.0", VIP))
    stays(f"nothing is told\n{one.log()}", lambda: not conflicts(one), 3)


def test_peers_that_take_over_and_two_actives_that_settle_it_are_no_conflict(lan: Lan) -> None:
    """Of both families, with the MAC address of the host and with the virtual one."""
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    lan.host("client")
    ways = ((VIP, False), ("192.0.2.101", True), (VIP6, False), ("2001:db8::101", True))
    priorities = {"one": 100, "two": 200}
    ours = [
        replace(document(priorities, vip, name=f"web-{n}", vrid=51 + n, interval_cs=50), virtual_mac=virtual)
        for n, (vip, virtual) in enumerate(ways)
    ]
    one.apply(*ours)
    all_are(one, "Active", ours)
    two.apply(*ours)
    all_are(two, "Active", ours)
    all_are(one, "Backup", ours)
    for host in (two.host, one.host):  # the better one, then the other is away for a while
        host.cut()
        for speaker in (one, two):
            all_are(speaker, "Active", ours)
        stays("both announce it", lambda: True, 1.5)
        host.heal()
        all_are(one, "Backup", ours)
    two.stop()
    all_are(one, "Active", ours)
    assert has_ever_told(one) == []


def all_are(speaker: Speaker, state: str, documents: list[RenderedVirtualIP]) -> None:
    for item in documents:
        speaker.wait_until(state, item.name, 30)


def test_a_keepalived_that_takes_over_and_gives_back_is_no_conflict(lan: Lan) -> None:
    one, other = Speaker(lan.host("one")).start(), lan.host("other")
    one.apply(document({"one": 100}, VIP))
    one.wait_until("Active")
    for _ in range(2):
        neighbour = Keepalived(other, VirtualRouter((VIP,), 150))
        one.wait_until("Backup")
        neighbour.stop()
        one.wait_until("Active")
    stays(f"nothing is told\n{one.log()}", lambda: not conflicts(one), 2)
    assert has_ever_told(one) == []


@pytest.mark.requires("nft")
def test_two_actives_that_know_each_other_and_hear_no_adverts_are_a_split_brain(lan: Lan) -> None:
    speakers = [Speaker(lan.host(name)).start() for name in ("one", "two")]
    for speaker in speakers:
        speaker.host.run("nft", "add table inet block")
        speaker.host.run("nft", "add chain inet block input { type filter hook input priority 0 ; }")
        speaker.host.run("nft", "add rule inet block input ip protocol 112 drop")
    one, two = speakers
    assert one.host.answers(two.host.ipv4), "the kernels know each other"
    ours = document({"one": 100, "two": 200}, VIP, interval_cs=10)
    shares = {
        item.host.name: NodeShare(priority, rank, segment_addresses=(ip_address(item.host.ipv4),))
        for item, priority, rank in ((one, 100, 1), (two, 200, 0))
    }
    for speaker in speakers:
        speaker.apply(replace(ours, nodes=shares))
    both_are_active(speakers)
    stays("no conflict is told", lambda: not any(has_ever_told(item) for item in speakers), 2)


def both_are_active(speakers: list[Speaker]) -> None:
    for speaker in speakers:
        speaker.wait_until("Active")
