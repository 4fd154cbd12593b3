"""virtualMAC: true, on a real kernel and seen from the segment."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.macvlan import MAC, MAC6, has, is_up, names, owners, seen_on
from tests.netns.prober import Prober
from tests.netns.speaker import Pinger, Speaker, document, edited
from tests.netns.standalone import Standalone, preferring, write
from tests.netns.test_handover import GAP_MS, key_file
from vipkeeper.ipc.rendered import RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP, VIP6 = "192.0.2.100", "2001:db8::100"


def wanted(*addresses: str, interval_cs: int = 25, **changes: object) -> RenderedVirtualIP:
    plain = document({"one": 200, "two": 100}, *(addresses or (VIP,)), interval_cs=interval_cs)
    return replace(plain, virtual_mac=True, **changes)  # type: ignore[arg-type]


def begin(speakers: tuple[Speaker, Speaker], wish: RenderedVirtualIP) -> tuple[Speaker, Speaker, Host]:
    """Both run, `one` is Active; and a client."""
    one, two = speakers
    for speaker in speakers:
        speaker.apply(wish)
    one.wait_until("Active")
    two.wait_until("Backup")
    return one, two, one.host.lan.host("client")


@pytest.mark.rule(2, 6, 24, 46, 47, 49, 62, 63, 65, 66, 100)
@pytest.mark.parametrize(
    ("vip", "mac", "group"),
    [(VIP, MAC, "01:00:5e:00:00:12"), (VIP6, MAC6, "33:33:00:00:00:12")],
    ids=["IPv4", "IPv6"],
)
def test_adverts_and_answers_carry_the_virtual_mac_and_a_backup_is_mute(
    speakers: tuple[Speaker, Speaker], lan: Lan, vip: str, mac: str, group: str
) -> None:
    one, two, client = begin(speakers, wanted(vip))
    frames = lan.capture("ip proto 112 or ip6 proto 112 or arp or icmp6")
    wait_for("the client reaches it", lambda: client.answers(vip))
    assert client.neighbour_mac(vip) == mac
    assert not is_up(two.host)
    assert is_up(one.host)
    source = one.host.ipv4 if vip == VIP else one.host.link_local
    wait_for("adverts", lambda: len(adverts(frames.lines(), group)) >= 4)
    assert all(f"{mac} > {group}" in line and f"{source} >" in line for line in adverts(frames.lines(), group))
    one.host.cut()
    two.wait_until("Active")
    wait_for("the client reaches the other", lambda: client.answers(vip))
    assert client.neighbour_mac(vip) == mac
    assert is_up(two.host)
    one.host.heal()
    two.wait_until("Backup")
    wait_for("the loser is silent", lambda: not is_up(two.host))
    wait_for("the client reaches it again", lambda: client.answers(vip))
    told = re.compile(rf"{re.escape(vip)} is-at|tell {re.escape(vip)},|tgt is {re.escape(vip)},")
    mine = [line for line in frames.lines() if told.search(line)]
    assert mine
    assert all(f" {mac} > " in line for line in mine), "nobody names another MAC address, in answers and in questions"
    inside = re.compile(r"(?:is-at |link-address option \(2\), length 8 \(1\): )([0-9a-f:]{17})")
    assert set(inside.findall("".join(mine))) == {mac}


def adverts(lines: list[str], group: str) -> list[str]:
    return [line for line in lines if f"> {group}" in line and "VRRP" in line]


@pytest.mark.rule(58, 59, 90)
def test_a_client_that_never_asks_reaches_it_through_takeovers(speakers: tuple[Speaker, Speaker], lan: Lan) -> None:
    """Its neighbour entries are permanent: only the switch learns, from the adverts."""
    wish = wanted(VIP, VIP6, interval_cs=10)
    one, two, client = begin(speakers, wish)
    client.run("ip", "neigh", "add", VIP, "lladdr", MAC, "dev", "eth0", "nud", "permanent")
    client.run("ip", "neigh", "add", VIP6, "lladdr", MAC, "dev", "eth0", "nud", "permanent")
    pingers = [Pinger(client, address) for address in (VIP, VIP6)]
    one.host.cut()
    two.wait_until("Active")
    one.host.heal()
    one.wait_until("Active")
    two.wait_until("Backup")
    one.kill_engine()
    one.wait_until("Active")
    for speaker in (one,):
        speaker.apply(edited(wish, nodes=document({"one": 50, "two": 100}).nodes))
    two.wait_until("Active")
    one.wait_until("Backup")
    wait_for("one owner", lambda: owners(lan.hosts, VIP) == owners(lan.hosts, VIP6) == ["two"])
    gaps = [pinger.longest_gap_ms() for pinger in pingers]
    assert max(gaps) < 1500, gaps
    assert client.answers(VIP)
    assert client.answers(VIP6)


def test_the_addresses_of_both_families_live_on_one_macvlan(speakers: tuple[Speaker, Speaker]) -> None:
    one, two, client = begin(speakers, wanted(VIP, VIP6, "fe80::100"))
    for address in (VIP, VIP6):
        wait_for("it answers", lambda address=address: client.answers(address))  # type: ignore[misc]
        assert client.neighbour_mac(address) == MAC
    wait_for("the link-local one answers", lambda: client.answers("fe80::100%eth0"))
    (name,) = names(one.host)
    assert one.host.addresses(name) == {VIP, VIP6, "fe80::100"}
    assert not {VIP, VIP6, "fe80::100"} & one.host.addresses()
    one.host.run("ip", "link", "set", name, "down")
    wait_for("somebody else's hand is answered", lambda: one.host.addresses(name) == {VIP, VIP6, "fe80::100"})
    assert one.is_in("Active")
    (other,) = names(two.host)
    two.host.run("ip", "link", "set", other, "up")
    wait_for("a Backup's is set down again", lambda: not is_up(two.host))


@pytest.mark.rule(90)
def test_the_loser_leaves_no_trace_of_the_virtual_mac_in_the_switch(
    speakers: tuple[Speaker, Speaker], lan: Lan
) -> None:
    """It removes its IPv6 address, which the kernel would tell the segment (MLD) with the virtual MAC as source."""
    wish = wanted(VIP6, VIP, interval_cs=100)
    one, two, _client = begin(speakers, wish)
    frames = lan.capture(f"ether src {MAC6}")
    two.apply(edited(wish, nodes=document({"one": 200, "two": 250}).nodes))
    two.wait_until("Active")
    one.wait_until("Backup")
    wait_for("the loser's is down", lambda: not is_up(one.host))
    stays("the switch finds the winner", lambda: seen_on(lan, MAC6) == "two", 1.5)
    assert not [line for line in frames.lines() if "multicast listener report" in line and "to_in" in line]
    lines = frames.lines()
    won = next(number for number, line in enumerate(lines) if f"{two.host.link_local} >" in line)
    assert not [line for line in lines[won:] if f"{one.host.link_local} >" in line], "its last advert is its own"


def test_switched_on_and_off_the_address_moves_between_interface_and_macvlan(
    speakers: tuple[Speaker, Speaker], lan: Lan
) -> None:
    plain = document({"one": 200, "two": 100}, VIP)
    one, two, client = begin(speakers, plain)
    wait_for("it answers", lambda: client.answers(VIP))
    before = one.agent.transitions()
    for speaker in speakers:
        speaker.apply(edited(plain, virtual_mac=True))
    wait_for("it is on the macvlan alone", lambda: owners(lan.hosts, VIP) == ["one"] and lan.owners(VIP) == [])
    wait_for("it answers with it", lambda: client.answers(VIP) and client.neighbour_mac(VIP) == MAC)
    for speaker in speakers:
        speaker.apply(edited(edited(plain)))
    wait_for("it is on the interface", lambda: lan.owners(VIP) == ["one"])
    wait_for("no macvlan is left", lambda: names(one.host) == names(two.host) == [])
    wait_for("it answers with its own", lambda: client.answers(VIP) and client.neighbour_mac(VIP) == one.host.mac)
    assert one.agent.transitions() == before, "nobody had to take over"


def test_with_install_prefix_its_route_leaves_by_the_macvlan(speakers: tuple[Speaker, Speaker]) -> None:
    wish = wanted("198.51.100.1/24", install_prefix=True, interface="eth0")
    one, two, client = begin(speakers, wish)
    client.run("ip", "address", "add", "198.51.100.9/24", "dev", "eth0")
    wait_for("it answers", lambda: client.answers("198.51.100.1"))
    assert has(one.host, "198.51.100.1")
    assert f"198.51.100.0/24 dev {names(one.host)[0]}" in one.host.run("ip", "route", "show")
    one.host.cut()
    two.wait_until("Active")
    wait_for("it answers there", lambda: client.answers("198.51.100.1"))
    one.host.heal()


@pytest.mark.parametrize("family", [4, 6])
def test_a_handover_is_no_gap(lan: Lan, tmp_path: Path, family: int) -> None:
    vip = VIP if family == 4 else VIP6
    spec = preferring({"one": 200}, addresses=[vip], vrrp={"virtualMAC": True})
    hosts = [lan.host(name) for name in ("one", "two")]
    address = {host.name: host.ipv4 if family == 4 else host.link_local for host in hosts}
    file = write(tmp_path / "vip.yaml", spec)
    one, two = (
        Standalone(host, file).start(
            *("--key-file", str(key_file(lan.folder / host.name))),
            *("--peer", f"{other.name}={address[other.name]}"),
        )
        for host, other in (hosts, hosts[::-1])
    )
    wait_for("one has it", lambda: owners(lan.hosts, vip) == ["one"])
    wait_for("two is Backup", lambda: two.states()[-1:] == ["backup"])
    prober = Prober(lan.host("client"), vip)
    assert one.stop() == 0
    wait_for("two has it", lambda: owners(lan.hosts, vip) == ["two"])
    gap_ms = prober.gap_ms()
    assert "reason=Handover" in two.log(), two.log()
    assert gap_ms <= GAP_MS, f"{gap_ms} ms\n{one.log()}\n{two.log()}"


def test_families_that_are_separate_have_a_macvlan_each(speakers: tuple[Speaker, Speaker]) -> None:
    one, two = speakers
    client = one.host.lan.host("client")
    for speaker in speakers:
        speaker.apply(wanted(VIP, VIP6, families="Separate"))
    for vip, mac in ((VIP, MAC), (VIP6, MAC6)):
        wait_for("it answers", partial(client.answers, vip))
        assert client.neighbour_mac(vip) == mac
    assert len(names(one.host)) == len(names(two.host)) == 2
