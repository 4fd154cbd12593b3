"""VRRP blocked between hosts that live: one owner all the time. And the trap: an Active that has lost its segment only."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Agent
from tests.netns.standalone import Standalone, preferring, write
from tests.netns.test_handover import VIP, key_file, start

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nft")]

SETTLED_S = 1.0 + 1.0
"""What is promised after healing, and a margin for a machine that does other things besides."""
BLOCKED = "adverts of the Active do not arrive; it answers by unicast"


def block(host: Host) -> None:
    """A firewall that somebody has forgotten VRRP in."""
    host.run("nft", "add table inet block")
    host.run("nft", "add chain inet block input { type filter hook input priority 0 ; }")
    host.run("nft", "add rule inet block input ip protocol 112 drop")


def heal(host: Host) -> None:
    host.run("nft", "delete table inet block")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "vip.yaml", preferring({"one": 200}))


def test_a_firewall_that_drops_vrrp_makes_no_second_owner(lan: Lan, file: Path) -> None:
    one, two = start(lan, file, "one", "two")
    for host in (one.host, two.host):
        block(host)
    two.wait_for_log(BLOCKED)
    assert _findings(two) == [("MulticastBlocked", "one")]
    stays("one keeps it", lambda: lan.owners(VIP) == ["one"], 1.5)
    assert two.states() == ["backup"]
    for host in (one.host, two.host):
        heal(host)
    two.wait_for_log("adverts of the Active are not blocked any more")
    block(two.host)
    two.wait_for_log(BLOCKED, 2)
    one.host.cut()
    wait_for("two takes over from the dead", lambda: two.host.has(VIP))
    assert "reason=NoResponse" in two.log()
    one.host.heal()
    wait_for("one owner, by what they say by unicast", lambda: len(lan.owners(VIP)) == 1)
    stays("it is the better one, in the end", lambda: len(lan.owners(VIP)) == 1, 1.0)


def test_without_the_witness_silence_is_enough_and_two_own_it_until_they_hear_each_other(lan: Lan, file: Path) -> None:
    write(file, preferring({"one": 200}, splitBrain={"witness": False}))
    one, two = start(lan, file, "one", "two")
    wait_for("two has heard one: else its probe finds that somebody has the address", lambda: _follows(two, one))
    for host in (one.host, two.host):
        block(host)
    wait_for(lambda: f"both own it\n{two.log()}", lambda: lan.owners(VIP) == ["one", "two"])
    assert "reason=NoResponse" in two.log(), two.log()
    stays("what they say by unicast changes nothing", lambda: lan.owners(VIP) == ["one", "two"], 1.5)
    for host in (one.host, two.host):
        heal(host)
    wait_for("one owner, the better one", lambda: lan.owners(VIP) == ["one"], SETTLED_S)
    assert BLOCKED not in two.log()
    assert one.states()[-1] == "active", one.log()


def test_the_better_host_gets_the_address_although_its_adverts_are_blocked(lan: Lan, file: Path) -> None:
    two, one = start(lan, write(file, preferring({"one": 50})), "two", "one")
    for host in (one.host, two.host):
        block(host)
    one.wait_for_log(BLOCKED)
    write(file, preferring({"one": 200}))
    for run in (one, two):
        run.reload()
    wait_for(f"one has it\n{one.log()}\n{two.log()}", lambda: lan.owners(VIP) == ["one"])
    assert "reason=Handover" in one.log(), one.log()


def _follows(run: Standalone, active: Standalone) -> bool:
    agent = Agent(run.state_dir / "engine.sock")
    try:
        wait_for("it is told", lambda: agent.status() is not None)
        status = agent.status()
        return status is not None and status.active_address == active.host.ipv4
    finally:
        agent.close()


def _findings(run: Standalone) -> list[tuple[str, str]]:
    """As whoever connects is told."""
    agent = Agent(run.state_dir / "engine.sock")
    try:
        wait_for("it is told", lambda: agent.status() is not None)
        status = agent.status()
        assert status is not None
        return [(item.kind, item.source) for item in status.findings]
    finally:
        agent.close()


def second_network(lan: Lan, hosts: list[Host]) -> None:
    """Another switch, and an eth1 in each host: the network of the nodes."""
    lan.switch("ip", "link", "add", "br1", "type", "bridge")
    lan.switch("ip", "link", "set", "br1", "up")
    for host in hosts:
        pair = ["ip", "link", "add", f"m{host.name}", "type", "veth", "peer", "name", "eth1"]
        lan.switch(*pair, "netns", host.namespace)
        lan.switch("ip", "link", "set", f"m{host.name}", "master", "br1", "up")
        host.run("ip", "link", "set", "eth1", "up")
        host.run("ip", "address", "add", f"10.9.0.{host.number}/24", "dev", "eth1")


def test_an_active_that_has_lost_its_segment_with_carrier_up_gives_up(lan: Lan, file: Path) -> None:
    hosts = [lan.host(name) for name in ("one", "two")]
    second_network(lan, hosts)
    write(file, preferring({"one": 200}, interface="eth0"))
    one, two = (Standalone(host, file) for host in hosts)
    for run, other in ((one, hosts[1]), (two, hosts[0])):
        peers = ["--peer", f"{other.name}={other.ipv4}", "--peer", f"{other.name}=10.9.0.{other.number}"]
        run.start("--key-file", str(key_file(lan.folder / run.host.name)), *peers)
    wait_for(f"one has it\n{one.log()}", lambda: lan.owners(VIP) == ["one"] and two.states() == ["backup"])
    client = lan.host("client")
    wait_for("it answers", lambda: client.answers(VIP))
    one.host.cut()
    wait_for(f"two has it, alone\n{one.log()}\n{two.log()}", lambda: lan.owners(VIP) == ["two"])
    assert "reason=SegmentLost" in one.log(), one.log()
    wait_for("the client reaches it", lambda: client.answers(VIP))
    stays(f"one does not want it back\n{one.log()}\n{two.log()}", lambda: lan.owners(VIP) == ["two"], 1.5)
    one.host.heal()
    wait_for("one has it back", lambda: lan.owners(VIP) == ["one"])
    # Now two is cut off: one can prove its segment, and stays.
    two.host.cut()
    stays("one keeps it", lambda: lan.owners(VIP) == ["one"], 2.0)
    assert two.states()[-1] == "backup", two.log()
