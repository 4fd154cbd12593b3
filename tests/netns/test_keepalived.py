"""A real keepalived as the neighbour, in both roles and both families."""

from __future__ import annotations

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "keepalived")]

ADDRESSES = ["192.0.2.100", "2001:db8::100"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_keepalived_of_lower_priority_is_our_backup(lan: Lan, address: str) -> None:
    one = Speaker(lan.host("one")).start()
    other = lan.host("other")
    client = lan.host("client")
    keepalived = Keepalived(other, address, priority=100)
    wait_for("keepalived is master", lambda: other.has(address))
    one.apply(document({"one": 200}, address))
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


@pytest.mark.parametrize("address", ADDRESSES)
def test_keepalived_of_higher_priority_is_our_active(lan: Lan, address: str) -> None:
    one = Speaker(lan.host("one")).start()
    other = lan.host("other")
    keepalived = Keepalived(other, address, priority=200)
    wait_for("keepalived is master", lambda: other.has(address))
    one.apply(document({"one": 100}, address))
    one.wait_until("Backup")
    stays("we listen", lambda: one.is_in("Backup"), 2)
    active = other.ipv4 if "." in address else other.link_local
    assert one.told().active_address == active
    keepalived.stop()
    status = one.wait_until("Active")
    assert status.reason == "PriorityZero"
    wait_for("one owner", lambda: lan.owners(address) == ["one"])
    Keepalived(other, address, priority=200)
    one.wait_until("Backup")
    wait_for("one owner", lambda: lan.owners(address) == ["other"])
