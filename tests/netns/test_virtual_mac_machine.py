"""virtualMAC: true, and what befalls the machine under it: kills, hands of others, links that go, other settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.macvlan import MAC, has, is_up, knob, names, owners
from tests.netns.speaker import Pinger, Speaker, document, edited
from tests.netns.test_virtual_mac import begin, wanted
from vipkeeper.ipc.messages import RemoveReason

VIP, VIP6 = "192.0.2.100", "2001:db8::100"

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]


def test_settings_hold_while_it_lives_and_are_set_back_with_the_last_one(lan: Lan) -> None:
    host = lan.host("one")
    host.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_announce=1", "net.ipv4.conf.all.rp_filter=1")
    speaker = Speaker(host).start()
    speaker.apply(wanted(VIP6, VIP, name="web"))
    speaker.apply(wanted("192.0.2.101", name="other", uid="uid-of-other", vrid=52))
    speaker.wait_until("Active", "other")
    speaker.wait_until("Active")
    first, second = sorted(names(host))
    assert [knob(host, "eth0", name) for name in ("arp_ignore", "arp_announce")] == ["1", "2"]
    for name in (first, second):
        assert [knob(host, name, item) for item in ("arp_ignore", "rp_filter", "arp_filter")] == ["1", "2", "0"]
    assert [knob(host, second, item, "ipv6") for item in ("addr_gen_mode", "accept_ra", "disable_ipv6")] == [
        "1",
        "0",
        "0",
    ]
    assert knob(host, first, "disable_ipv6", "ipv6") == "1"
    speaker.remove("web")
    wait_for("its macvlan is gone", lambda: names(host) == [first])
    assert knob(host, "eth0", "arp_announce") == "2"
    assert speaker.is_in("Active", "other")
    assert speaker.stop() == 0
    assert names(host) == []
    assert [knob(host, "eth0", name) for name in ("arp_ignore", "arp_announce")] == ["0", "1"]


@pytest.mark.parametrize("vip", [VIP, VIP6])
def test_everything_killed_the_kernel_takes_the_address_off_the_macvlan(
    speakers: tuple[Speaker, Speaker], lan: Lan, vip: str
) -> None:
    one, two, client = begin(speakers, wanted(vip))
    one.kill_everything()
    two.wait_until("Active")
    wait_for("the address is gone", lambda: owners(lan.hosts, vip) == ["two"], 3.0)
    wait_for("the client reaches the other", lambda: client.answers(vip))
    before = names(one.host)
    one.start()
    one.wait_until("Active")
    assert names(one.host) == before, "the macvlan is taken on"
    two.wait_until("Backup")


def test_a_killed_speaker_whose_virtualip_is_gone_is_swept(lan: Lan) -> None:
    speaker = Speaker(lan.host("one")).start()
    speaker.apply(replace(wanted(), nodes=document({"one": 100}).nodes))
    speaker.wait_until("Active")
    speaker.kill_everything()
    assert names(speaker.host) != []
    for file in (speaker.state_dir / "documents").glob("*.json"):
        file.unlink()
    speaker.start()
    wait_for("it is swept", lambda: names(speaker.host) == [])
    wait_for("settings are back", lambda: knob(speaker.host, "eth0", "arp_announce") == "0")


def test_a_macvlan_that_somebody_removes_is_made_again(speakers: tuple[Speaker, Speaker], lan: Lan) -> None:
    one, two, client = begin(speakers, wanted())
    (name,) = names(one.host)
    one.host.run("ip", "link", "del", name)
    two.wait_until("Active")
    one.wait_until("Active")
    assert names(one.host) == [name]
    wait_for("one owner", lambda: owners(lan.hosts, VIP) == ["one"])
    wait_for("it answers", lambda: client.answers(VIP))


def test_the_interface_below_goes_down_is_replaced_and_comes_later(speakers: tuple[Speaker, Speaker], lan: Lan) -> None:
    one, two, client = begin(speakers, replace(wanted(), interface="eth0"))
    one.host.run("ip", "link", "set", "eth0", "down")
    two.wait_until("Active")
    wait_for("one owner", lambda: owners(lan.hosts, VIP) == ["two"])
    one.host.run("ip", "link", "set", "eth0", "up")
    one.wait_until("Active")
    lan.switch("ip", "link", "del", "one")
    two.wait_until("Active")
    wait_for("its macvlan went with it", lambda: names(one.host) == [])
    lan.switch("ip", "link", "add", "one", "type", "veth", "peer", "name", "eth0", "netns", one.host.namespace)
    lan.switch("ip", "link", "set", "one", "master", "br0", "up")
    one.host.run("ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
    one.host.run("ip", "link", "set", "eth0", "up")
    one.wait_until("Active")
    wait_for("it answers", lambda: client.answers(VIP) and client.neighbour_mac(VIP) == MAC)


def test_a_bridge_can_be_below(speakers: tuple[Speaker, Speaker], lan: Lan) -> None:
    one, two = speakers
    client = lan.host("client")
    for host in (one.host, two.host, client):
        host.run("ip", "link", "add", "below", "type", "bridge", "forward_delay", "0")
        host.run("ip", "link", "set", "eth0", "master", "below")
        host.run("ip", "address", "add", f"198.51.100.{host.number}/24", "dev", "below")
        host.run("ip", "link", "set", "below", "up")
    wish = replace(wanted("198.51.100.100"), interface="below")
    for speaker in speakers:
        speaker.apply(wish)
    one.wait_until("Active")
    client.run("ip", "neigh", "add", "198.51.100.100", "lladdr", MAC, "dev", "below", "nud", "permanent")
    wait_for("it answers", lambda: client.answers("198.51.100.100"))
    one.host.cut()
    two.wait_until("Active")
    wait_for("it answers there", lambda: client.answers("198.51.100.100"))
    one.host.heal()
    one.wait_until("Active")
    two.wait_until("Backup")
    wait_for("it answers again", lambda: client.answers("198.51.100.100"))


def test_a_vrid_that_changes_is_another_macvlan(speakers: tuple[Speaker, Speaker], lan: Lan) -> None:
    wish = wanted(interval_cs=10)
    one, two, client = begin(speakers, wish)
    for speaker in speakers:
        speaker.apply(edited(wish, vrid=52))
    wait_for("it answers", lambda: client.answers(VIP) and client.neighbour_mac(VIP) == "00:00:5e:00:01:34")
    wait_for("one macvlan each", lambda: len(names(one.host)) == len(names(two.host)) == 1)
    wait_for("one owner", lambda: len(owners(lan.hosts, VIP)) == 1)


def test_another_placement_takes_the_macvlan_on_with_its_virtualip(lan: Lan) -> None:
    old, two = Speaker(lan.host("one")).start(), Speaker(lan.host("two")).start()
    new = Speaker(old.host, placement="p-0000abcd").start()
    wish = wanted(VIP, VIP6)
    for speaker in (old, two):
        speaker.apply(wish)
    old.wait_until("Active")
    two.wait_until("Backup")
    pinger = Pinger(lan.host("client"), VIP)
    (name,) = names(old.host)
    old.remove("web", RemoveReason.MOVED)
    new.apply(edited(wish, placement="p-0000abcd"))
    assert new.wait_until("Active").reason == "Adopted"
    wait_for("the old one has let go", lambda: old.agent.is_gone("web"))
    assert old.stop() == 0
    stays("it lives on", lambda: old.host.addresses(name) == {VIP, VIP6} and is_up(old.host), 2)
    assert pinger.longest_gap_ms() < 300
    assert new.stop() == 0
    assert names(old.host) == []


def test_what_an_engine_sets_up_itself_is_nobody_elses_hand(speakers: tuple[Speaker, Speaker]) -> None:
    """Two elections, each with its macvlan, won in one moment: the kernel tells of the first one's link meanwhile."""
    one, two = speakers
    for speaker in speakers:
        speaker.apply(wanted(VIP, VIP6, interval_cs=10, families="Separate"))
    wait_for("one has both", lambda: owners([one.host], VIP) and owners([one.host], VIP6), 30)
    wait_for("two listens", lambda: two.log().count("state=backup") >= 2, 30)
    for leaving, staying in ((one, two), (two, one)):
        assert leaving.stop() == 0
        wait_for("both have moved", lambda host=staying.host: has(host, VIP) and has(host, VIP6))  # type: ignore[misc]
        leaving.start()
        leaving.apply(wanted(VIP, VIP6, interval_cs=10, families="Separate"))
        wait_for("one has both again", lambda: has(one.host, VIP) and has(one.host, VIP6), 30)
    for speaker in speakers:
        assert "somebody has set a macvlan down" not in speaker.log()


SLOW_PREPARE = """
import sys, time
if "vipkeeper.prepare" in sys.orig_argv:
    time.sleep(1)
"""


def test_a_document_that_is_told_again_before_it_is_prepared_does_not_cost_its_macvlan(
    speakers: tuple[Speaker, Speaker], tmp_path: Path
) -> None:
    """A new speaker finds the macvlan of one that was killed, and the document in its folder; the agent tells it again,
    while `prepare` takes its time, as on a busy machine."""
    one, _two = speakers
    told = wanted(VIP, interval_cs=10)
    one.apply(told)
    wait_for("one has it", lambda: has(one.host, VIP))
    one.kill_everything()
    one.log_path.write_text("")
    (tmp_path / "sitecustomize.py").write_text(SLOW_PREPARE)
    one.environment["PYTHONPATH"] = str(tmp_path)
    one.start().apply(told)
    one.wait_until("Active")
    stays("its macvlan stays", lambda: one.is_in("Active"), 2)
    assert "somebody has set a macvlan down" not in one.log()


def test_an_engine_that_resumes_never_sets_its_macvlan_down(speakers: tuple[Speaker, Speaker], lan: Lan) -> None:
    """Down, even for a moment, would take the IPv6 addresses off and lose what clients send."""
    one, _two, _client = begin(speakers, wanted(VIP, VIP6))
    (name,) = names(one.host)
    told = lan.folder / "links.txt"
    with told.open("wb") as file:
        one.host.start("ip", "-o", "monitor", "link", stdout=file)
    wait_for("the monitor listens", lambda: is_told(one.host, "marker-begin", told))
    one.kill_engine()
    wait_for("resumed", lambda: "reason=Resumed" in one.log())
    wait_for("it has told all", lambda: is_told(one.host, "marker-end", told))
    assert not [line for line in told.read_text().splitlines() if name in line and ",UP" not in line]
    assert "somebody has set a macvlan down" not in one.log()


def is_told(host: Host, marker: str, file: Path) -> bool:
    """Made anew each time: a monitor does not tell what was before it listened."""
    host.run("ip", "link", "del", marker, check=False)
    host.run("ip", "link", "add", marker, "type", "veth")
    return marker in file.read_text()
