"""families: Separate: one document, two elections, real engines and a real keepalived."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, stays, wait_for
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Speaker, document, edited
from vipkeeper.ipc.messages import Gone, RouterStatus
from vipkeeper.ipc.rendered import RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

VIP, VIP6 = "192.0.2.100", "2001:db8::100"


def separate(priorities: dict[str, int], **more: object) -> RenderedVirtualIP:
    item = document(priorities, VIP, VIP6, interval_cs=10, **more)  # type: ignore[arg-type]
    return replace(item, families="Separate")


def states(speaker: Speaker) -> dict[str, str]:
    """By family, as the agent hears it."""
    speaker.status()
    told = [item for item in speaker.agent.history if isinstance(item, RouterStatus) and item.name == "web"]
    return {item.family: item.state for item in told}


def gone(speaker: Speaker) -> list[Gone]:
    speaker.status()
    return [item for item in speaker.agent.history if isinstance(item, Gone)]


def wait_for_states(speaker: Speaker, ipv4: str, ipv6: str) -> None:
    wanted = {"IPv4": ipv4, "IPv6": ipv6}
    wait_for(f"{speaker.host.name} is {wanted}, not {states(speaker)}", lambda: states(speaker) == wanted)


def test_each_family_moves_when_it_has_to_and_the_other_one_stays(lan: Lan) -> None:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    client = lan.host("client")
    for speaker in (one, two):
        speaker.apply(separate({"one": 200, "two": 100}))
    wait_for_states(one, "Active", "Active")
    wait_for_states(two, "Backup", "Backup")
    assert client.answers(VIP)
    assert client.answers(VIP6)
    one.host.run("ip", "address", "del", f"{one.host.link_local}/64", "dev", "eth0")
    wait_for_states(one, "Active", "Initialize")
    wait_for_states(two, "Backup", "Active")
    assert (lan.owners(VIP), lan.owners(VIP6)) == (["one"], ["two"])
    assert client.answers(VIP6)
    one.host.run("ip", "address", "add", f"{one.host.link_local}/64", "dev", "eth0", "nodad")
    wait_for_states(one, "Active", "Active")
    wait_for("the family is back", lambda: lan.owners(VIP6) == ["one"])
    before = one.log().count("state=")
    one.wait_for_another_engine(one.kill_engine())
    wait_for_states(one, "Active", "Active")
    assert one.log()[before:].count("reason=Resumed") == 2, "both resume, and nobody has noticed"
    stays("two follows", lambda: states(two) == {"IPv4": "Backup", "IPv6": "Backup"}, 0.5)
    assert one.stop() == 0
    wait_for_states(two, "Active", "Active")
    two.remove()
    wait_for("both are gone", lambda: lan.owners(VIP) == lan.owners(VIP6) == [])
    assert not two.stored()


def test_a_family_that_leaves_the_document_ends_and_one_that_comes_begins(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    both = separate({"one": 100})
    one.apply(both)
    wait_for_states(one, "Active", "Active")
    one.apply(edited(both, addresses=both.addresses[:1]))
    wait_for("its addresses are gone", lambda: lan.owners(VIP6) == [])
    assert lan.owners(VIP) == ["one"]
    wait_for("that family alone is gone", lambda: gone(one) == [Gone("web", "IPv6")])
    one.apply(edited(edited(both)))
    wait_for("they are back", lambda: lan.owners(VIP6) == ["one"])
    one.synced("web")
    stays("what the agent confirms stays", lambda: lan.owners(VIP) == lan.owners(VIP6) == ["one"], 0.3)
    one.synced()
    wait_for("and what it does not know goes", lambda: lan.owners(VIP) == lan.owners(VIP6) == [])


@pytest.mark.requires("keepalived")
def test_keepalived_takes_part_in_one_family_or_in_both(lan: Lan) -> None:
    one, other = Speaker(lan.host("one")).start(), lan.host("other")
    one.apply(separate({"one": 150}))
    wait_for_states(one, "Active", "Active")
    six = VirtualRouter((VIP6,), priority=200, interval_cs=10)
    keepalived = Keepalived(other, six)
    wait_for_states(one, "Active", "Backup")
    wait_for("each has one", lambda: (lan.owners(VIP), lan.owners(VIP6)) == (["one"], ["other"]))
    keepalived.stop()
    wait_for_states(one, "Active", "Active")
    assert lan.owners(VIP6) == ["one"]
