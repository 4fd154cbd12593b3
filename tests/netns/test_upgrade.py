"""A speaker of the version before is replaced by this one, and this one by the one before, while clients look on."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.netns.earlier import first_light
from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Pinger, Speaker, document, edited
from tests.netns.standalone import Standalone, preferring, write
from vipkeeper.ipc.messages import RemoveReason
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump", "git", "tar")]

VIP = "192.0.2.100"
PLANNED_STOP_MS = 700
"""Priority 0, and then Skew_Time of the other: 152 ms of an interval of 250 ms; by silence it would be 902 ms."""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    return first_light(tmp_path / "before")


def of(version: Path | None, speaker: Speaker) -> Speaker:
    """None: this one."""
    speaker.environment.pop("PYTHONPATH", None)
    if version is not None:
        speaker.environment["PYTHONPATH"] = str(version)
    return speaker


def running(lan: Lan, version: Path | None, *documents: RenderedVirtualIP) -> tuple[Speaker, Speaker, Host]:
    one, two = (of(version, Speaker(lan.host(name))) for name in ("one", "two"))
    for speaker in (one, two):
        speaker.start()
        speaker.apply(*documents)
    for item in documents:
        one.wait_until("Active", item.name)
        two.wait_until("Backup", item.name)
    for speaker in (one, two):
        wait_for("everything is kept", partial(_keeps, speaker, {item.name for item in documents}))
    client = lan.host("client")
    wait_for("the address answers", lambda: client.answers(VIP))
    return one, two, client


def _keeps(speaker: Speaker, names: set[str]) -> bool:
    return set(speaker.stored()) == names


def replaced(speaker: Speaker, version: Path | None) -> None:
    """Stop and start on the same state folder, with nobody who tells it anything: it lives from what it finds."""
    assert speaker.stop() == 0
    of(version, speaker).start()


def is_before(speaker: Speaker, version: Path) -> bool:
    """Whether the engine's modules are those of `version`. (Both call themselves by one number.)"""
    return str(version) in Path(f"/proc/{speaker.engine}/environ").read_text()


PLAIN = document({"one": 200, "two": 100}, VIP)
OF_FORMAT_2 = replace(document({"one": 200, "two": 100}, "192.0.2.101", name="two", vrid=52), checksum="MessageOnly")


def test_speakers_of_the_version_before_are_replaced_one_by_one(lan: Lan, before: Path) -> None:
    """Backup first, then the Active; between the two, both versions are neighbours and one of them is Active."""
    one, two, client = running(lan, before, PLAIN, OF_FORMAT_2)
    assert is_before(one, before)
    pings = Pinger(client, VIP)
    replaced(two, None)
    for name in ("web", "two"):
        two.wait_until("Backup", name)
    stays("the old one is Active, the new one hears it", lambda: lan.owners(VIP) == ["one"] and two.is_in("Backup"), 2)
    replaced(one, None)
    for name in ("web", "two"):
        one.wait_until("Active", name)
        two.wait_until("Backup", name)
    assert not is_before(one, before)
    assert pings.longest_gap_ms() < PLANNED_STOP_MS
    assert lan.owners(VIP) == lan.owners("192.0.2.101") == ["one"]


def test_a_downgrade_goes_the_same_way_and_leaves_alone_what_it_does_not_understand(lan: Lan, before: Path) -> None:
    """Documents of a later format wait in the state folder; journals are none of its business."""
    share = NodeShare(200, 0, segment_addresses=(ip_address("192.0.2.1"),))
    later = replace(document({"one": 200}, "192.0.2.102", name="later", vrid=53), nodes={"one": share})
    one, two, client = running(lan, None, PLAIN, OF_FORMAT_2)
    one.apply(later)
    one.wait_until("Active", "later")
    os.kill(one.guard, signal.SIGUSR1)
    wait_for("a journal", lambda: list((one.state_dir / "journal").glob("*.journal")))
    pings = Pinger(client, VIP)
    replaced(two, before)
    two.wait_until("Backup")
    replaced(one, before)
    for name in ("web", "two"):
        one.wait_until("Active", name)
    two.wait_until("Backup")
    assert pings.longest_gap_ms() < PLANNED_STOP_MS
    assert is_before(one, before)
    assert "later.json" in one.log(), "it says what it does not understand"
    assert lan.owners("192.0.2.102") == []
    replaced(one, None)
    one.wait_until("Active", "later")


def test_an_engine_of_this_version_adopts_from_one_of_the_version_before(lan: Lan, before: Path) -> None:
    """A VirtualIP moves to a placement that was upgraded already: no gap at all."""
    one, two, client = running(lan, before, PLAIN)
    new = Speaker(one.host, placement="p-0000abcd").start()
    pings = Pinger(client, VIP)
    seen = two.agent.transitions()
    one.remove("web", RemoveReason.MOVED)
    new.apply(edited(PLAIN, placement="p-0000abcd"))
    assert new.wait_until("Active").reason == "Adopted"
    stays("the address is refreshed", lambda: new.is_in("Active") and new.host.has(VIP), 2)
    assert two.agent.transitions() == seen
    assert pings.longest_gap_ms() < PLANNED_STOP_MS


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_vipkeeper_run_of_the_version_before_is_replaced(lan: Lan, tmp_path: Path, before: Path, how: int) -> None:
    file = write(tmp_path / "vip.yaml", preferring({"one": 200}, vrrp={"advertisementInterval": "250ms"}))
    one, two = (Standalone(lan.host(name), file) for name in ("one", "two"))
    for run in (one, two):
        run.environment["PYTHONPATH"] = str(before)
        run.start()
    wait_for("one has it", lambda: lan.owners(VIP) == ["one"] and two.states()[-1:] == ["backup"])
    client = lan.host("client")
    wait_for("the address answers", lambda: client.answers(VIP))
    pings = Pinger(client, VIP)
    one.send(signal.Signals(how))
    one.wait()
    del one.environment["PYTHONPATH"]
    one.start()
    one.wait_for_log("engine started", times=2)
    wait_for("one has it again", lambda: one.states()[-1] == "active" and lan.owners(VIP) == ["one"])
    assert pings.longest_gap_ms() < PLANNED_STOP_MS
    assert "reason=PriorityZero" in two.log()
    assert one.stop() == 0
