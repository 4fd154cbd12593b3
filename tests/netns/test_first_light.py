"""An address that answers, and moves when its host is gone."""

from __future__ import annotations

import pytest

from tests.netns.lan import Host, Lan, wait_for
from tests.netns.speaker import Pinger, Speaker, document

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"


def two_speakers(lan: Lan, **options: object) -> tuple[Speaker, Speaker, Host]:
    speakers = [Speaker(lan.host(name)).start() for name in ("one", "two")]
    client = lan.host("client")
    for speaker in speakers:
        speaker.apply(document({"one": 200, "two": 100}, **options))  # type: ignore[arg-type]
    speakers[0].wait_until("Active")
    speakers[1].wait_until("Backup")
    return speakers[0], speakers[1], client


def test_the_address_answers_on_the_host_of_highest_priority(lan: Lan) -> None:
    one, two, client = two_speakers(lan)
    assert wait_for("the address answers", lambda: client.answers(VIP))
    assert client.neighbour_mac(VIP) == one.host.mac
    assert lan.owners(VIP) == ["one"]
    status = two.status()
    assert status is not None
    assert status.primary_address == "192.0.2.2"
    assert (status.active_address, status.interface, status.segment) == ("192.0.2.1", "eth0", "192.0.2.0/24")


def test_a_host_that_is_cut_off_loses_the_address_to_the_other(lan: Lan) -> None:
    one, two, client = two_speakers(lan)
    pings = Pinger(client, VIP)
    one.host.cut()
    status = two.wait_until("Active")
    wait_for("the client follows", lambda: client.neighbour_mac(VIP) == two.host.mac)
    wait_for("the address answers", lambda: client.answers(VIP))
    assert pings.longest_gap_ms() < 2000
    assert status.reason == "NoResponse"
    assert status.takeover_ms is not None
    assert 900 < status.takeover_ms < 1000  # 3 x 250 ms + 250 ms x 156/256


def test_a_graceful_stop_hands_over_and_leaves_nothing(lan: Lan) -> None:
    one, two, client = two_speakers(lan)
    pings = Pinger(client, VIP)
    assert one.stop() == 0
    assert not one.host.has(VIP)
    status = two.wait_until("Active")
    assert status.reason == "PriorityZero"
    wait_for("the address answers", lambda: client.answers(VIP))
    assert pings.longest_gap_ms() < 1000
