"""A real keepalived as the neighbour, in both roles and both families."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "keepalived")]

neighbours = pytest.mark.parametrize(
    ("address", "version", "interval_cs"),
    [("192.0.2.100", 3, 25), ("2001:db8::100", 3, 25), ("192.0.2.100", 2, 100)],
    ids=["IPv4", "IPv6", "version 2"],
)


@neighbours
def test_keepalived_of_lower_priority_is_our_backup(lan: Lan, address: str, version: int, interval_cs: int) -> None:
    one = Speaker(lan.host("one")).start()
    other = lan.host("other")
    client = lan.host("client")
    keepalived = Keepalived(other, address, priority=100, interval_s=interval_cs / 100, version=version)
    wait_for("keepalived is master", lambda: other.has(address))
    one.apply(replace(document({"one": 200}, address, interval_cs=interval_cs), vrrp_version=version))
    status = one.wait_until("Active")
    assert status.reason == "Preempted"
    wait_for("keepalived gives way", lambda: lan.owners(address) == ["one"])
    wait_for("the client follows", lambda: client.answers(address) and client.neighbour_mac(address) == one.host.mac)
    assert "Entering BACKUP STATE" in keepalived.log()
    one.host.cut()
    wait_for("keepalived takes over", lambda: other.has(address))
    one.host.heal()
    wait_for("and gives it back", lambda: lan.owners(address) == ["one"])
    assert one.stop() == 0
    wait_for("keepalived takes over at once", lambda: lan.owners(address) == ["other"])
    keepalived.stop()


@neighbours
def test_keepalived_of_higher_priority_is_our_active(lan: Lan, address: str, version: int, interval_cs: int) -> None:
    one = Speaker(lan.host("one")).start()
    other = lan.host("other")
    keepalived = Keepalived(other, address, priority=200, interval_s=interval_cs / 100, version=version)
    wait_for("keepalived is master", lambda: other.has(address))
    one.apply(replace(document({"one": 100}, address, interval_cs=interval_cs), vrrp_version=version))
    one.wait_until("Backup")
    stays("we listen", lambda: one.is_in("Backup"), 2)
    active = other.ipv4 if "." in address else other.link_local
    assert one.told().active_address == active
    keepalived.stop()
    status = one.wait_until("Active")
    assert status.reason == "PriorityZero"
    wait_for("one owner", lambda: lan.owners(address) == ["one"])
    Keepalived(other, address, priority=200, interval_s=interval_cs / 100, version=version)
    one.wait_until("Backup")
    wait_for("one owner", lambda: lan.owners(address) == ["other"])
