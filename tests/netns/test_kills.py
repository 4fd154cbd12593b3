"""Whoever is killed or frozen, there are never two owners for long, and none without need."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Pinger, Speaker, document, edited

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
VIP6 = "2001:db8::100"


def pair(lan: Lan, **options: object) -> tuple[Speaker, Speaker, Host]:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    client = lan.host("client")
    for speaker in (one, two):
        speaker.apply(document({"one": 200, "two": 100}, VIP, VIP6, **options))  # type: ignore[arg-type]
    one.wait_until("Active")
    two.wait_until("Backup")
    wait_for("the address answers", lambda: client.answers(VIP))
    return one, two, client


def test_an_engine_killed_alone_comes_back_without_outage_and_without_a_move(lan: Lan) -> None:
    one, two, client = pair(lan)
    pings = Pinger(client, VIP)
    capture = lan.capture("vrrp")
    before = two.agent.transitions()
    for _ in range(3):
        killed = one.kill_engine()
        one.wait_for_another_engine(killed)
        one.wait_until("Active")
        assert one.told().reason == "Resumed"
        assert one.host.has(VIP)
        assert one.host.has(VIP6)
    assert two.agent.transitions() == before
    assert pings.longest_gap_ms() < 300
    assert "prio 0" not in capture.text()


def test_an_engine_killed_again_and_again_is_started_with_growing_pauses_and_then_starts_as_backup(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    one.apply(document({"one": 200}, VIP))
    one.wait_until("Active")
    for _ in range(9):
        killed = one.engine
        os.kill(killed, signal.SIGKILL)
        one.wait_for_another_engine(killed)
    assert "starting_again_in_ms=800" in one.log()
    one.kill_engine()
    wait_for("too late to resume", lambda: "reason=StaleClock" in one.log())
    one.wait_until("Active")


def test_everything_killed_the_kernel_takes_the_address_away(lan: Lan) -> None:
    one, two, _client = pair(lan)
    one.kill_everything()
    killed_at = time.monotonic()
    assert one.host.has(VIP)
    wait_for("the address is gone by itself", lambda: not one.host.has(VIP) and not one.host.has(VIP6), 4)
    assert 0.4 < time.monotonic() - killed_at < 2.5
    two.wait_until("Active")
    assert lan.owners(VIP) == lan.owners(VIP6) == ["two"]


def test_the_guard_killed_the_engine_leaves_in_order(lan: Lan) -> None:
    one, two, _client = pair(lan)
    capture = lan.capture("vrrp")
    assert one.process is not None
    one.process.kill()
    one.process.wait()
    two.wait_until("Active")
    assert two.told().reason == "PriorityZero"
    assert "prio 0" in capture.text()
    wait_for("no address is left", lambda: lan.owners(VIP) == ["two"])


@pytest.mark.parametrize("everything", [False, True], ids=["engine", "engine and guard"])
def test_a_frozen_speaker_loses_the_address_and_listens_when_it_thaws(lan: Lan, everything: bool) -> None:
    one, two, _client = pair(lan)
    one.freeze(everything=everything)
    two.wait_until("Active")
    wait_for("the frozen one's lease is over", lambda: lan.owners(VIP) == ["two"], 4)
    capture = lan.capture("vrrp or arp or icmp6")
    one.thaw()
    wait_for("it has learned that it slept", lambda: "reason=StaleClock" in one.log())
    one.wait_until("Active")  # it has the higher priority: but only after a whole Active_Down_Interval of listening
    wait_for("one owner again", lambda: lan.owners(VIP) == ["one"])
    adverts = [line for line in capture.lines() if "VRRPv3" in line]
    first = next(index for index, line in enumerate(adverts) if "192.0.2.1 >" in line)
    assert first >= 3, "the thawed one listened to at least three adverts of the other before it spoke"


def test_a_speaker_that_slept_for_less_than_anybodys_patience_goes_on(lan: Lan) -> None:
    one, two, _client = pair(lan, interval_cs=100)
    one.freeze()
    time.sleep(1.0)  # below 3 s
    one.thaw()
    stays("one stays Active", lambda: one.is_in("Active") and two.is_in("Backup"), 1.5)
    wait_for("the address is there", lambda: lan.owners(VIP) == ["one"])
    assert "StaleClock" not in one.log()


def test_a_backup_that_slept_until_its_question_was_due_still_takes_over_later(lan: Lan) -> None:
    """Its timer rings while adverts that came meanwhile are unread: they put it off, and it must ring then."""
    one, two, _client = pair(lan)
    for _ in range(3):
        two.freeze()
        time.sleep(0.65)  # 2.6 intervals: more than 2.25, less than Active_Down_Interval
        two.thaw()
        stays("two stays Backup", lambda: two.is_in("Backup"), 0.5)
    one.host.cut()
    two.wait_until("Active")
    assert two.told().reason == "NoResponse"


def test_addresses_left_by_a_killed_speaker_are_swept_by_the_next_one(lan: Lan) -> None:
    one, two, _client = pair(lan)
    slow = edited(document({"one": 200, "two": 100}, VIP, VIP6, interval_cs=300))
    for speaker in (one, two):
        speaker.apply(slow)
    wait_for("the lease outlives a start", lambda: one.host.address_details(VIP)["valid_life_time"] > 5)
    one.host.run("ip", "address", "add", "192.0.2.200/32", "dev", "eth0")  # an administrator's
    one.kill_everything()
    assert one.host.has(VIP)
    one.start()
    wait_for("swept", lambda: "an address was left here" in one.log())
    assert not one.host.has(VIP)
    assert one.host.has("192.0.2.200")
    one.wait_until("Active", limit_s=30)
    two.wait_until("Backup")
