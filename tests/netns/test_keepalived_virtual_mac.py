"""A real keepalived with `use_vmac` as the neighbour: one virtual MAC address for both, in both roles and families.

The client's neighbour entry is permanent, so it reaches whoever is Active only if the switch finds the virtual MAC
address there, and only if that one takes what is sent to it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.macvlan import MAC, MAC6, owners
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Speaker, document

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "keepalived")]

families = pytest.mark.parametrize(
    ("address", "mac"), [("192.0.2.100", MAC), ("2001:db8::100", MAC6)], ids=["IPv4", "IPv6"]
)


def beside(lan: Lan, address: str, mac: str, our_priority: int) -> tuple[Speaker, Host, Host]:
    one, other, client = Speaker(lan.host("one")).start(), lan.host("other"), lan.host("client")
    one.apply(replace(document({"one": our_priority}, address), virtual_mac=True))
    client.run("ip", "neigh", "add", address, "lladdr", mac, "dev", "eth0", "nud", "permanent")
    other.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_ignore=1", "net.ipv4.conf.eth0.arp_announce=2")
    return one, other, client


def start(host: Host, address: str, priority: int) -> Keepalived:
    return Keepalived(host, VirtualRouter((address,), priority, extra=("use_vmac",)))


def only(lan: Lan, name: str, address: str, client: Host) -> None:
    wait_for(f"{name} alone has it", lambda: owners(lan.hosts, address) == [name])
    wait_for("the client reaches it", lambda: client.answers(address))


@families
@pytest.mark.rule(6)
def test_keepalived_of_lower_priority_is_our_backup(lan: Lan, address: str, mac: str) -> None:
    one, other, client = beside(lan, address, mac, 200)
    one.wait_until("Active")
    keepalived = start(other, address, 100)
    wait_for("it is our backup", lambda: "Entering BACKUP STATE" in keepalived.log())
    only(lan, "one", address, client)
    one.host.cut()
    wait_for("it takes over", lambda: "Entering MASTER STATE" in keepalived.log())
    wait_for("the client reaches it", lambda: client.answers(address))
    one.host.heal()
    only(lan, "one", address, client)
    assert one.is_in("Active")
    assert one.stop() == 0
    only(lan, "other", address, client)
    one.start()
    one.wait_until("Active")
    only(lan, "one", address, client)
    keepalived.stop()


@families
@pytest.mark.rule(6)
def test_keepalived_of_higher_priority_is_our_active(lan: Lan, address: str, mac: str) -> None:
    one, other, client = beside(lan, address, mac, 100)
    one.wait_until("Active")
    keepalived = start(other, address, 200)
    one.wait_until("Backup")
    only(lan, "other", address, client)
    stays("it keeps it", lambda: one.is_in("Backup"), 1)
    other.cut()
    one.wait_until("Active")
    wait_for("the client reaches us", lambda: client.answers(address))
    other.heal()
    one.wait_until("Backup")
    only(lan, "other", address, client)
    keepalived.stop()
    assert one.wait_until("Active").reason == "PriorityZero"
    only(lan, "one", address, client)
