"""VRIDs of strangers are heard by a speaker that has a router there, and by one that has only a default route."""

from __future__ import annotations

import pytest

from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, wait_for
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Speaker, document
from vipkeeper.ipc.messages import SegmentHeard, Segments

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "keepalived")]


def heard(speaker: Speaker) -> tuple[SegmentHeard, ...]:
    """As it was told last."""
    speaker.agent.read()
    told = [item for item in speaker.agent.history if isinstance(item, Segments)]
    return told[-1].segments if told else ()


def test_vrids_of_strangers_are_told_by_segment_and_not_those_of_our_own(lan: Lan) -> None:
    one, two = Speaker(lan.host("one")).start(), Speaker(lan.host("two", default_route=True)).start()
    for number, vrid in enumerate((77, 78)):
        Keepalived(lan.host(f"stranger{number}"), VirtualRouter((f"192.0.2.20{number}",), 100, vrid))
    Keepalived(lan.host("stranger6"), VirtualRouter(("fe80::200", "2001:db8::200"), 100, 79))
    one.apply(document({"one": 100}))
    one.apply(document({"one": 100}, "2001:db8::100", name="six"))
    one.wait_until("Active")
    one.wait_until("Active", "six")
    killed = one.kill_engine()  # the next one runs them when its first window begins, which is short
    one.wait_for_another_engine(killed)
    four, six = "192.0.2.0/24", "2001:db8::/64"
    expected = (SegmentHeard("eth0", four, (77, 78)), SegmentHeard("eth0", six, (79,)))
    wait_for(lambda: f"one hears them\n{one.log()}", lambda: heard(one) == expected, 60)
    (found,) = wait_for(lambda: f"two hears them, and one\n{two.log()}", lambda: heard(two), 60)
    assert (found.segment, found.foreign_vrids) == (four, (51, 77, 78))
    again = Speaker(lan.host("three")).start()
    assert heard(again) == ()
