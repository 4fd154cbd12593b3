"""While we are Active somebody else claims our address: told by MAC address, corrected, and gone when that one is. (What
is no conflict: test_no_address_conflict.py.)"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

from tests.netns import flood
from tests.netns.flood import FLOOD_S
from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Speaker, document
from tests.netns.stranger import Stranger
from vipkeeper.ipc.messages import Finding, RouterStatus

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

VIP, VIP6 = "192.0.2.100", "2001:db8::100"


def conflicts(speaker: Speaker, name: str = "web") -> list[Finding]:
    status = speaker.status(name)
    return [] if status is None else [item for item in status.findings if item.kind == "AddressConflict"]


def has_ever_told(speaker: Speaker) -> list[Finding]:
    """A conflict, in any status since it was started."""
    speaker.agent.read()
    said = [item for item in speaker.agent.history if isinstance(item, RouterStatus)]
    return [found for status in said for found in status.findings if found.kind == "AddressConflict"]


def told(speaker: Speaker, mac: str, name: str = "web") -> Finding:
    found = wait_for(f"it is told\n{speaker.log()}", lambda: conflicts(speaker, name))
    assert [item.source for item in found] == [mac]
    return found[0]


def settle(speaker: Speaker, name: str = "web") -> None:
    """It is Active for more than a moment (so late words of another one are none), and what a kernel has just learned
    may be learned anew (its locktime is one second)."""
    stays("it is Active", lambda: speaker.told(name).state == "Active", 1.2)


def advertisement(mac: str, address: str) -> bytes:
    message = ICMPv6ND_NA(R=0, S=0, O=1, tgt=address) / ICMPv6NDOptDstLLAddr(lladdr=mac)
    return bytes(Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src=address, dst="ff02::1", hlim=255) / message)


def arp(mac: str, address: str, target: str, operation: int = 1) -> bytes:
    said = ARP(op=operation, hwsrc=mac, psrc=address, pdst=target)
    return bytes(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") / said)


@pytest.mark.requires("arping")
def test_a_host_with_our_address_is_told_as_long_as_it_has_it_and_its_neighbours_are_corrected(lan: Lan) -> None:
    one, stranger, client = Speaker(lan.host("one")).start(), lan.host("stranger"), lan.host("client")
    one.apply(document({"one": 100}, VIP))
    one.wait_until("Active")
    assert client.answers(VIP)
    settle(one)
    stranger.run("ip", "address", "add", f"{VIP}/32", "dev", "eth0")
    assert one.told().findings == ()
    announcing = ("arping", "-q", "-U", "-c", "1", "-I", "eth0", "-s", VIP, VIP)
    stranger.start(*announcing, stdout=subprocess.DEVNULL)  # it ends a second after the frame
    wait_for("the client believes it", lambda: client.neighbour_mac(VIP) == stranger.mac, pause_s=0.005)
    finding = told(one, stranger.mac)
    assert VIP in finding.detail
    assert "ARP announcement" in finding.detail
    wait_for("the client is corrected", lambda: client.neighbour_mac(VIP) == one.host.mac)
    assert one.told().state == "Active"
    stays("it is asked, and still has it", lambda: conflicts(one), 13)
    stranger.run("ip", "address", "del", f"{VIP}/32", "dev", "eth0")
    wait_for(f"it is gone\n{one.log()}", lambda: not conflicts(one), 25)
    assert one.agent.transitions()[-1][0] == "Active"


@dataclass(frozen=True)
class Claim:
    name: str
    vrid: int
    vip: str
    liar: str
    make: Callable[[str, str], bytes]
    what: str


CLAIMS = (
    Claim("request", 51, VIP, "02:00:00:00:00:66", lambda mac, vip: arp(mac, vip, "192.0.2.7"), "ARP request"),
    Claim("reply", 52, "192.0.2.101", "02:00:00:00:00:67", lambda mac, vip: arp(mac, vip, "192.0.2.7", 2), "ARP reply"),
    Claim("advertisement", 53, VIP6, "02:00:00:00:00:68", advertisement, "neighbour advertisement"),
)


def test_whatever_says_so_is_told_and_corrected_and_goes(lan: Lan) -> None:
    one, stranger, client = Speaker(lan.host("one")).start(), Stranger(lan.host("stranger")), lan.host("client")
    for claim in CLAIMS:
        one.apply(document({"one": 100}, claim.vip, name=claim.name, vrid=claim.vrid))
    for claim in CLAIMS:
        one.wait_until("Active", claim.name)
        assert client.answers(claim.vip)
    for claim in CLAIMS:
        settle(one, claim.name)
        stranger.send(claim.make(claim.liar, claim.vip))
        is_believed = partial(_is_at, client, claim.vip, claim.liar)
        wait_for(f"the client believes the {claim.name}", is_believed, pause_s=0.005)
        assert claim.what in told(one, claim.liar, claim.name).detail
        wait_for("the client is corrected", partial(_is_at, client, claim.vip, one.host.mac))
    for claim in CLAIMS:
        wait_for(f"it goes\n{one.log()}", partial(_is_forgotten, one, claim.name), 25)


def _is_at(client: Host, vip: str, mac: str) -> bool:
    return client.neighbour_mac(vip) == mac


def _is_forgotten(speaker: Speaker, name: str) -> bool:
    return not conflicts(speaker, name)


def cpu_ticks(pid: int) -> int:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


@pytest.mark.requires("tcpdump")
@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_a_flood_of_claims_costs_little_delays_no_advert_and_moves_nothing(lan: Lan, vip: str) -> None:
    one, stranger = Speaker(lan.host("one")).start(), lan.host("stranger")
    one.apply(document({"one": 200}, vip, interval_cs=10))
    one.wait_until("Active")
    source = f"ip6 proto 112 and src host {one.host.link_local}" if ":" in vip else "vrrp and src host 192.0.2.1"
    capture = lan.capture(source)
    liar = "02:00:00:00:00:66"
    frame = advertisement(liar, vip) if ":" in vip else arp(liar, vip, vip)
    before = cpu_ticks(one.engine)
    sent = flood.packets_of(flood.with_frame(stranger, frame))
    used = (cpu_ticks(one.engine) - before) / 100 / FLOOD_S
    wait_for("adverts go on", lambda: len(capture.lines()) > FLOOD_S * 9)
    times = [float(line.split()[0]) for line in capture.lines()]
    longest_ms = max(later - earlier for earlier, later in pairwise(times)) * 1000
    print(f"{sent // FLOOD_S} frames a second; longest pause {longest_ms:.1f} ms; {used:.1%} of a processor")
    assert longest_ms < 300, "three intervals: what a neighbour waits for"
    assert used < 0.3
    told(one, liar)
    assert [state for state, _reason in one.agent.transitions()][-1] == "Active"
    assert len(has_ever_told(one)) < 10, "and few words are made of it"
