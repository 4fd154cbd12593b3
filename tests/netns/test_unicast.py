"""Adverts by unicast: real engines, a real keepalived with `unicast_peer`, and what is on the wire."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Speaker, document, edited
from tests.netns.standalone import VIP, Standalone, preferring, write
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]


def by_unicast(priorities: dict[str, int], ways: dict[str, str], vip: str = VIP, **more: Any) -> RenderedVirtualIP:
    """`ways`: by name of the host, its address; who is missing is not known."""
    item = document(priorities, vip, **more)
    shares = {
        name: replace(share, segment_addresses=(ip_address(ways[name]),)) if name in ways else share
        for name, share in item.nodes.items()
    }
    return replace(item, transport="Unicast", nodes=shares)


def at(host: Host, kind: str) -> str:
    """Address of the host, as the parameter of a test names it."""
    return {"IPv4": host.ipv4, "IPv6": f"2001:db8::{host.number:x}", "link-local": host.link_local}[kind]


@pytest.mark.requires("keepalived")
@pytest.mark.parametrize(
    ("kind", "min_ttl"),
    [("IPv4", 255), ("IPv6", 64), ("link-local", 255)],
    ids=["IPv4", "IPv6", "IPv6 link-local"],
)
def test_keepalived_with_unicast_peer_takes_over_and_gives_way(lan: Lan, kind: str, min_ttl: int) -> None:
    one, other = Speaker(lan.host("one")).start(), lan.host("other")
    vip = VIP if kind == "IPv4" else "2001:db8::100"
    ours, theirs = at(one.host, kind), at(other, kind)
    capture = lan.capture("proto 112 or ip6 proto 112")
    extra: tuple[str, ...] = (f"unicast_src_ip {theirs}", f"unicast_peer {{ \n {ours} \n }}")
    if min_ttl == 255 and ":" in theirs:
        extra += ("unicast_ttl 255",)  # it would send 64
    keepalived = Keepalived(other, VirtualRouter((vip,), priority=100, interval_cs=10, extra=extra))
    wait_for("keepalived is master", lambda: other.has(vip))
    item = by_unicast({"one": 200, "other": 100}, {"one": ours, "other": theirs}, vip, interval_cs=10)
    item = replace(item, min_ttl=min_ttl)
    one.apply(item)
    assert one.wait_until("Active").reason == "Preempted"
    assert one.told().primary_address == ours
    wait_for("keepalived gives way", lambda: lan.owners(vip) == ["one"])
    one.host.cut()
    wait_for("keepalived takes over by silence", lambda: other.has(vip))
    one.host.heal()
    wait_for("and gives it back", lambda: lan.owners(vip) == ["one"])
    assert one.stop() == 0
    wait_for("keepalived takes over by priority 0", lambda: lan.owners(vip) == ["other"])
    one.start()
    one.apply(edited(item, nodes=item.nodes | {"one": replace(item.nodes["one"], priority=50)}))
    one.wait_until("Backup")
    wait_for("we follow it", lambda: one.told().active_address == theirs)
    keepalived.stop()
    assert one.wait_until("Active").reason == "PriorityZero"
    assert lan.owners(vip) == ["one"]
    capture.stop()
    group = "224.0.0.18" if "." in vip else "ff02::12"
    assert capture.lines()
    assert not [line for line in capture.lines() if f"> {group}" in line]


def three(lan: Lan, **more: Any) -> tuple[list[Speaker], RenderedVirtualIP]:
    speakers = [Speaker(lan.host(name)).start() for name in ("one", "two", "three")]
    ways = {speaker.host.name: speaker.host.ipv4 for speaker in speakers}
    return speakers, by_unicast({"one": 200, "two": 150, "three": 100}, ways, **more)


def test_a_list_of_peers_that_changes_takes_effect_without_a_change_of_state(lan: Lan) -> None:
    (one, two, three_), every = three(lan, interval_cs=10)
    pair = replace(every, nodes={name: every.nodes[name] for name in ("one", "two")})
    one.apply(pair)
    two.apply(pair)
    one.wait_until("Active")
    two.wait_until("Backup")
    three_.apply(replace(every, nodes={name: every.nodes[name] for name in ("two", "three")}))
    wait_for_fault(three_, "AddressConflict")  # nobody speaks to it, but one answers for the address
    before = one.agent.transitions(), two.agent.transitions()
    for speaker in (one, two, three_):
        speaker.apply(edited(every))
    three_.wait_until("Backup")
    wait_for("one owner", lambda: lan.owners(VIP) == ["one"])
    assert (one.agent.transitions(), two.agent.transitions()) == before
    one.host.cut()
    two.wait_until("Active")
    stays("the third one follows", lambda: three_.is_in("Backup"), 1.5)


def test_adverts_of_strangers_are_refused_and_counted_by_cause_and_source(lan: Lan) -> None:
    (one, two, stranger), every = three(lan)
    pair = replace(every, nodes={name: every.nodes[name] for name in ("one", "two")})
    one.apply(pair)
    two.apply(pair)
    one.wait_until("Active")
    two.wait_until("Backup")
    # It knows the two, they do not know it; and it is better than both. (The two's own address it would not claim.)
    better = every.nodes | {"three": replace(every.nodes["three"], priority=250)}
    stranger.apply(replace(every, nodes=better, addresses=document({}, "192.0.2.101").addresses))
    stranger.wait_until("Active")
    stays("both stay what they are", lambda: one.is_in("Active") and two.is_in("Backup"), 1.5)
    one.leave_agent()  # a new conversation begins with all that there is to tell
    wait_for("it speaks", one.status)
    counted = {(item.cause, item.source) for item in one.told().rejected}
    assert ("UnknownPeer", stranger.host.ipv4) in counted


def wait_for_fault(speaker: Speaker, fault: str) -> None:
    def told() -> bool:
        status = speaker.status()
        return status is not None and status.faults == (fault,)

    wait_for(f"{speaker.host.name} tells {fault}", told)


def test_who_knows_no_peer_holds_back_and_says_where_it_is_found_itself(lan: Lan) -> None:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    unknown = by_unicast({"one": 200, "two": 100}, {}, "2001:db8::100")
    for speaker in (one, two):
        speaker.apply(unknown)
    for speaker in (one, two):
        wait_for_fault(speaker, "NoPeerAddress")
    stays("nobody holds it", lambda: not lan.owners("2001:db8::100"), 1.5)
    known = {name: speaker.told().primary_address for name, speaker in (("one", one), ("two", two))}
    for speaker in (one, two):
        speaker.apply(by_unicast({"one": 200, "two": 100}, known, "2001:db8::100", generation=1))
    one.wait_until("Active")
    two.wait_until("Backup")
    wait_for("two follows", lambda: two.told().active_address == one.host.link_local)


def test_alone_it_needs_no_peer(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    one.apply(by_unicast({"one": 100}, {}))
    one.wait_until("Active")
    assert lan.owners(VIP) == ["one"]


def test_an_address_of_the_node_serves_until_that_on_the_segment_is_known(lan: Lan) -> None:
    """Both are taken, so that who has learned already and who has not understand each other."""
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    for host in (one.host, two.host):
        host.run("ip", "address", "add", f"10.0.0.{host.number}/24", "dev", "eth0")
    nodes = {
        name: NodeShare(p, r, (), (ip_address(f"10.0.0.{r + 1}"),)) for name, p, r in (("one", 200, 0), ("two", 100, 1))
    }
    first = replace(document({"one": 200, "two": 100}), transport="Unicast", nodes=nodes)
    one.apply(first)
    one.wait_until("Active")
    two.apply(first)
    two.wait_until("Backup")
    wait_for("two follows", lambda: two.told().active_address == "10.0.0.1")
    learned = {
        name: replace(share, segment_addresses=(ip_address(f"192.0.2.{share.rank + 1}"),))
        for name, share in nodes.items()
    }
    two.apply(replace(first, nodes=learned))
    stays("who has not learned yet is heard", lambda: one.is_in("Active") and two.is_in("Backup"), 1.5)
    one.apply(replace(first, nodes=learned))
    wait_for("its adverts come from the segment", lambda: two.told().active_address == "192.0.2.1")
    assert [state for state, _reason in two.agent.transitions()] == ["Initialize", "Backup"]


def test_two_plain_hosts_find_each_other_by_their_options(lan: Lan) -> None:
    file = write(
        lan.folder / "vip.yaml",
        preferring({"one": 200}, vrrp={"advertisementInterval": "100ms", "transport": "Unicast"}),
    )
    one, two = Standalone(lan.host("one"), file), Standalone(lan.host("two"), file)
    one.launch("--peer", f"two={two.host.ipv4}")
    two.launch("--peer", f"one={one.host.ipv4}")
    wait_for("one owner", lambda: lan.owners(VIP) == ["one"])
    two.wait_for_log("state=backup")
    assert one.stop() == 0
    wait_for("the other one follows", lambda: lan.owners(VIP) == ["two"])
    assert two.stop() == 0
    assert lan.owners(VIP) == []
