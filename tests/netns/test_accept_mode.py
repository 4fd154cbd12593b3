"""acceptMode false on a real kernel: what is for the address is dropped, what goes through it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Pinger, Speaker, document, edited
from vipkeeper.ipc.rendered import RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nft")]

VIP, VIP6, OPEN = "192.0.2.100", "2001:db8::100", "192.0.2.101"


def closed(priorities: dict[str, int], *addresses: str, **more: object) -> RenderedVirtualIP:
    return replace(document(priorities, *(addresses or (VIP, VIP6)), **more), accept_mode=False)  # type: ignore[arg-type]


def tables(host: Host) -> list[str]:
    """What packet filters there are, by name."""
    return [line.split()[2] for line in host.run("nft", "list", "tables").splitlines()]


def resolved(client: Host, address: str) -> bool:
    """Asks for the MAC address, without minding that nothing else is answered."""
    client.run("ping", "-n", "-c", "1", "-W", "0.2", address, check=False)
    return bool(client.neighbour_mac(address))


def make_router(host: Host) -> None:
    host.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    host.run("ip", "address", "add", f"198.51.100.{host.number}/24", "dev", "eth0")
    host.run("ip", "address", "add", f"2001:db8:1::{host.number}/64", "dev", "eth0", "nodad")


@pytest.mark.rule(70, 71)
def test_the_address_is_a_next_hop_and_answers_nothing_but_arp_and_nd(lan: Lan) -> None:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    client, far = lan.host("client"), lan.host("far")
    for speaker in (one, two):
        make_router(speaker.host)
        speaker.apply(closed({"one": 200, "two": 100}), document({"one": 200, "two": 100}, OPEN, name="open", vrid=52))
    make_router(far)
    far.run("ip", "route", "add", f"{client.ipv4}/32", "via", "198.51.100.1")
    client.run("ip", "route", "add", "198.51.100.0/24", "via", VIP)
    client.run("ip", "route", "add", "2001:db8:1::/64", "via", VIP6)
    one.wait_until("Active")
    one.wait_until("Active", "open")
    assert wait_for("the other one on the same node answers", lambda: client.answers(OPEN))
    for address in (VIP, VIP6):
        assert not client.answers(address)
        assert resolved(client, address), "ARP and neighbour discovery work"
        assert client.neighbour_mac(address) == one.host.mac
    through = Pinger(client, f"198.51.100.{far.number}")
    wait_for("what goes through is answered", lambda: client.answers(f"2001:db8:1::{far.number}"))
    client.run("ip", "neigh", "change", VIP6, "dev", "eth0", "lladdr", one.host.mac, "nud", "probe")
    wait_for(
        "a question to the address itself is answered", lambda: "REACHABLE" in client.run("ip", "neigh", "show", VIP6)
    )
    one.host.cut()
    two.wait_until("Active")
    far.run("ip", "route", "replace", f"{client.ipv4}/32", "via", "198.51.100.2")
    assert through.longest_gap_ms() < 5000
    wait_for("the next one routes", lambda: client.answers(f"198.51.100.{far.number}"))
    assert not client.answers(VIP)
    assert two.stop() == 0
    assert tables(two.host) == []


def test_an_edit_takes_effect_both_ways_without_a_change_of_state(lan: Lan) -> None:
    one, client = Speaker(lan.host("one")).start(), lan.host("client")
    one.host.run("nft", "add table inet foreign; add chain inet foreign c { type filter hook input priority 0; }")
    before = one.host.run("nft", "list", "ruleset")
    first = document({"one": 200}, VIP)
    one.apply(first)
    one.wait_until("Active")
    assert client.answers(VIP)
    assert one.host.run("nft", "list", "ruleset") == before, "there is no filter where nothing is to be dropped"
    shut = edited(first, accept_mode=False)
    one.apply(shut)
    wait_for("nothing is answered", lambda: not client.answers(VIP))
    one.host.run("nft", "flush", "ruleset")  # somebody's firewall starts again
    assert not client.answers(VIP)
    one.host.run("nft", "add table inet foreign; add chain inet foreign c { type filter hook input priority 0; }")
    one.apply(edited(shut, accept_mode=True))
    wait_for("it answers again", lambda: client.answers(VIP))
    assert one.host.run("nft", "list", "ruleset") == before
    shut_again = edited(edited(shut))
    taken_back = edited(shut_again, accept_mode=True)
    one.apply(shut_again, taken_back)
    wait_for("the last word counts", lambda: one.told().generation == taken_back.generation)
    stays("what was taken back is not in force", lambda: client.answers(VIP), 0.5)
    assert one.agent.transitions() == [("Initialize", "Startup"), ("Backup", "Startup"), ("Active", "NoResponse")]
    one.remove()
    wait_for("it is gone", lambda: one.agent.is_gone("web"))
    assert one.host.run("nft", "list", "ruleset") == before


def test_a_killed_engine_leaves_the_filter_in_force_and_the_end_of_all_leaves_nothing(lan: Lan) -> None:
    one, client = Speaker(lan.host("one")).start(), lan.host("client")
    one.apply(closed({"one": 200}, VIP))
    one.wait_until("Active")
    one.wait_for_another_engine(one.kill_engine())
    one.wait_until("Active")
    (table,) = tables(one.host)
    assert table.startswith("vipkeeper-default-")
    assert not client.answers(VIP)
    one.kill_everything()
    wait_for("no filter is left", lambda: tables(one.host) == [])
    wait_for("and no address", lambda: lan.owners(VIP) == [])
    one.start()
    one.wait_until("Active")
    assert not client.answers(VIP)
