"""Links and addresses change under a running speaker."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Speaker, document, edited

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
VIP6 = "2001:db8::100"


def faults(speaker: Speaker) -> tuple[str, ...]:
    status = speaker.status()
    return ("no status",) if status is None else status.faults


def two(lan: Lan, *addresses: str, interval_cs: int = 25) -> tuple[Speaker, Speaker]:
    speakers = [Speaker(lan.host(name)).start() for name in ("one", "two")]
    ours = document({"one": 200, "two": 100}, *(addresses or (VIP,)), interval_cs=interval_cs)
    speakers[1].apply(speakers[0].take(ours))
    speakers[1].wait_until("Backup")
    return speakers[0], speakers[1]


@pytest.mark.parametrize("how", ["the cable is out", "set down by hand"])
def test_a_link_that_goes_down_is_a_fault_and_one_that_returns_is_not(lan: Lan, how: str) -> None:
    one, other = two(lan, VIP, VIP6)
    if how == "the cable is out":
        one.host.unplug()
    else:
        one.host.run("ip", "link", "set", "eth0", "down")
    wait_for("the fault is told", lambda: "LinkDown" in faults(one))
    assert one.is_in("Initialize")
    wait_for("no address is left on it", lambda: not {VIP, VIP6} & one.host.addresses())
    other.wait_until("Active")
    if how == "the cable is out":
        one.host.plug()
    else:
        one.host.run("ip", "link", "set", "eth0", "up")
    one.wait_until("Active")
    other.wait_until("Backup")
    assert lan.owners(VIP) == lan.owners(VIP6) == ["one"]


def test_with_install_prefix_the_route_to_the_subnet_moves_with_the_address(lan: Lan) -> None:
    one, other = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    first = document({"one": 200, "two": 100}, "198.51.100.1/24", "2001:db8:1::1/64", f"{VIP}/24", interface="eth0")
    for speaker in (one, other):
        speaker.apply(edited(first, install_prefix=True))
    one.wait_until("Active")
    other.wait_until("Backup")
    subnets = {"198.51.100.0/24", "2001:db8:1::/64"}
    wait_for("the routes are there", lambda: subnets <= routes(one.host))
    assert [one.host.address_details(address)["prefixlen"] for address in ("198.51.100.1", VIP)] == [24, 24]
    wait_for("and on one alone", lambda: not subnets & routes(other.host))
    one.host.cut()
    other.wait_until("Active")
    wait_for("the routes are on the other", lambda: subnets <= routes(other.host))
    one.host.heal()
    other.wait_until("Backup")
    wait_for("the routes are back", lambda: subnets <= routes(one.host) and not subnets & routes(other.host))
    one.apply(edited(edited(first), install_prefix=False))
    wait_for("without it there is none", lambda: not subnets & routes(one.host))
    assert one.host.address_details("198.51.100.1")["prefixlen"] == 32
    assert one.is_in("Active")
    assert one.stop() == 0
    wait_for("its own address alone is left", lambda: one.host.addresses() & {VIP, one.host.ipv4} == {one.host.ipv4})


def test_engines_that_are_killed_take_the_prefix_off_at_their_next_start(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    installed = replace(document({"one": 200}, f"{VIP}/24", interval_cs=1000), install_prefix=True)
    one.take(installed)
    assert one.host.has(VIP)
    one.kill_everything()
    one.start()
    wait_for("it was swept", lambda: "an address was left here; removed" in one.log())
    wait_for("it is off", lambda: not one.host.has(VIP))


def routes(host: Host) -> set[str]:
    both = (host.run("ip", "-j", family, "route", "show", "dev", "eth0") for family in ("-4", "-6"))
    return {item["dst"] for text in both for item in json.loads(text or "[]") if item.get("expires", 1) >= 0}


@pytest.mark.parametrize("address", [VIP, VIP6])
def test_an_address_that_somebody_removes_is_put_back_at_once(lan: Lan, address: str) -> None:
    one, other = two(lan, VIP, VIP6, interval_cs=300)  # the lease is renewed each 2.7 s: too late for this test
    for _ in range(3):
        one.host.run("ip", "address", "del", address, "dev", "eth0")
        wait_for("it is back", lambda: one.host.has(address), 0.5)
    assert one.log().count("somebody removed a virtual IP address") == 1  # logged once in a while
    assert one.told().put_back >= 1  # told at once, and then each minute
    one.leave_agent()
    wait_for("who asks is told", lambda: (status := one.status()) is not None and status.put_back == 3)
    assert one.is_in("Active")
    assert other.is_in("Backup")


def test_a_source_address_that_is_gone_is_a_fault(lan: Lan) -> None:
    one, other = two(lan)
    one.host.run("ip", "address", "del", "192.0.2.1/24", "dev", "eth0")
    wait_for("the fault is told", lambda: faults(one) == ("NoSourceAddress",))
    other.wait_until("Active")
    assert lan.owners(VIP) == ["two"]
    one.host.run("ip", "address", "add", "192.0.2.31/24", "dev", "eth0")
    one.wait_until("Active")
    wait_for("adverts come from there", lambda: other.told().active_address == "192.0.2.31")


def test_a_virtual_address_is_never_the_source_of_adverts(lan: Lan) -> None:
    """Also when it is the first address of the interface: of another speaker, of a document that came later."""
    host = lan.host("one", ipv4=False)
    host.run("ip", "address", "add", VIP, "dev", "eth0")
    speaker = Speaker(host).start()
    speaker.apply(document({"one": 200}, VIP, interface="eth0"))
    wait_for("no source", lambda: faults(speaker) == ("NoSourceAddress",))
    host.run("ip", "address", "add", "192.0.2.9/24", "dev", "eth0")
    capture = lan.capture("vrrp")
    speaker.wait_until("Active")
    wait_for("adverts", lambda: len(capture.lines()) >= 2)
    assert all("192.0.2.9 > 224.0.0.18" in line for line in capture.lines())


def test_an_interface_that_appears_later_is_used_then_and_again_when_it_was_replaced(lan: Lan) -> None:
    host = lan.host("one", ipv4=False, ipv6=False)
    speaker = Speaker(host).start()
    speaker.apply(document({"one": 200}, VIP))
    wait_for("the fault is told", lambda: faults(speaker) == ("InterfaceMissing",))
    host.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
    speaker.wait_until("Active")
    lan.switch("ip", "link", "del", "one")
    wait_for("the fault is told", lambda: faults(speaker) == ("InterfaceMissing",))
    port = ["ip", "link", "add", "one", "type", "veth", "peer", "name", "eth0", "netns", host.namespace]
    lan.switch(*port)
    lan.switch("ip", "link", "set", "one", "master", "br0", "up")
    host.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
    host.run("ip", "link", "set", "eth0", "up")
    speaker.wait_until("Active")
    assert host.has(VIP)


def test_the_written_prefix_length_and_the_default_route_choose_the_interface(lan: Lan) -> None:
    host = lan.host("one", default_route=True)
    host.run("ip", "link", "add", "vlan7", "type", "veth", "peer", "name", "vlan7-peer")
    for name in ("vlan7", "vlan7-peer"):
        host.run("ip", "link", "set", name, "up")
    host.run("ip", "address", "add", "198.51.100.1/32", "dev", "vlan7")
    speaker = Speaker(host).start()
    speaker.apply(document({"one": 200}, "198.51.100.9/24", name="written", vrid=1))
    speaker.apply(document({"one": 200}, "203.0.113.9", name="routed", vrid=2))
    speaker.wait_until("Active", "written")
    speaker.wait_until("Active", "routed")
    statuses = {name: speaker.status(name) for name in ("written", "routed")}
    assert {name: status.interface for name, status in statuses.items() if status} == {
        "written": "vlan7",
        "routed": "eth0",
    }


def test_two_documents_of_one_vrid_on_one_interface_do_not_both_run(lan: Lan) -> None:
    speaker = Speaker(lan.host("one")).start()
    speaker.apply(document({"one": 200}, VIP))
    speaker.wait_until("Active")
    speaker.apply(document({"one": 200}, "192.0.2.101", name="other"))
    wait_for("the second does not run", lambda: speaker.is_in("Initialize", "other"))
    wait_for("it is told, once it is prepared", lambda: "two virtual routers of one VRID" in speaker.log())
    stays("the first is not disturbed", lambda: speaker.is_in("Active") and not speaker.host.has("192.0.2.101"), 1)
    speaker.remove("web")
    speaker.wait_until("Active", "other")
