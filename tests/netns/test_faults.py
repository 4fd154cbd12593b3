"""Misfortunes of a host: its clock is set, its processors are busy, its switch forgets, its interface comes late."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.netns.lan import Capture, Lan, stays, wait_for
from tests.netns.speaker import Speaker, document
from tests.netns.test_interfaces import faults

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
VIP6 = "2001:db8::100"

NO_DATE = """
import os, random, sys, time

def refuse(*arguments):
    with open(os.environ["ASKED"], "a") as file:
        print("somebody asked for the date", file=file)
    raise RuntimeError("nobody may ask for the date")

if "vipkeeper.prepare" not in sys.orig_argv:  # short-lived; its logging package notes when it was loaded
    time.time_ns = lambda: random.randrange(2**62)  # the date jumps by years; the kernel's stamps of packets do not
    for name in ("time", "gmtime", "localtime", "ctime", "strftime", "clock_gettime", "clock_gettime_ns"):
        setattr(time, name, refuse)
"""


def pair(lan: Lan, interval_cs: int, **options: object) -> tuple[Speaker, Speaker]:
    speakers = [Speaker(lan.host(name)) for name in ("one", "two")]
    for speaker in speakers:
        speaker.environment |= {name: str(value) for name, value in options.items()}
        speaker.start()
        speaker.apply(document({"one": 200, "two": 100}, VIP, VIP6, interval_cs=interval_cs))
    speakers[0].wait_until("Active")
    speakers[1].wait_until("Backup")
    return speakers[0], speakers[1]


def test_nobody_asks_for_the_date_so_a_clock_that_is_set_moves_nothing(lan: Lan, tmp_path: Path) -> None:
    """Without touching the machine's clock: in these engines every way to ask for the date is an error, but for the one
    that turns the kernel's stamps of packets to monotonic time, and that one lies.

    Start, election, lease, restart as Active, takeover, stop. (Whatever waits does so by the monotonic clock: that is
    what select(2) and the kernel's lifetimes of addresses count by.)
    """
    (tmp_path / "sitecustomize.py").write_text(NO_DATE)
    asked = tmp_path / "asked"
    one, two = pair(lan, 10, PYTHONPATH=tmp_path, ASKED=asked)
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    assert one.wait_until("Active").reason == "Resumed"
    stays("leases are renewed", lambda: one.host.has(VIP), 2)
    one.host.cut()
    two.wait_until("Active")
    assert two.stop() == 0
    assert not asked.exists()
    probe = [sys.executable, "-c", "import time; time.time()"]
    environment = one.environment
    assert subprocess.run(probe, env=environment, check=False, capture_output=True).returncode == 1, "the trap works"
    assert asked.exists()


@pytest.mark.parametrize("how", ["the cable is out", "set down by hand"])
def test_rule_24_the_groups_are_reported_at_the_start_and_again_when_the_link_is_back(lan: Lan, how: str) -> None:
    """Switches that snoop forget a port that was down, and would keep the adverts from it."""
    one = Speaker(lan.host("one"))
    capture = lan.capture("igmp or (ip6 and ip6[6] = 0)")
    one.start()
    one.apply(document({"one": 200}, VIP, name="four", vrid=4), document({"one": 200}, VIP6, name="six", vrid=6))
    for name in ("four", "six"):
        one.wait_until("Active", name)
    wait_for("reported at the start", lambda: _reports(capture, one) == {"224.0.0.18", "ff02::12"})
    if how == "the cable is out":
        one.host.unplug()
    else:
        one.host.run("ip", "link", "set", "eth0", "down")
    wait_for("the fault is told", lambda: "LinkDown" in one.told("four").faults)
    before = len(capture.lines())
    if how == "the cable is out":
        one.host.plug()
    else:
        one.host.run("ip", "link", "set", "eth0", "up")
    wait_for("reported again", lambda: _reports(capture, one, before) == {"224.0.0.18", "ff02::12"})


def _reports(capture: Capture, speaker: Speaker, since: int = 0) -> set[str]:
    """Groups of VRRP that the host wants, by reports from line `since` on."""
    lines = [line for line in capture.lines()[since:] if line.split()[1] == speaker.host.mac]
    wanted = [line.partition("gaddr ")[2] for line in lines]
    return {
        group
        for group in ("224.0.0.18", "ff02::12")
        if any(f"{group} to_ex" in text or f"{group} is_ex" in text for text in wanted)
    }


def test_with_every_processor_busy_for_seconds_nothing_moves(lan: Lan) -> None:
    one, two = pair(lan, 10)
    before = [speaker.agent.transitions() for speaker in (one, two)]
    capture = lan.capture("vrrp")
    busy = [
        subprocess.Popen(
            [sys.executable, "-c", "import time\nend = time.monotonic() + 4\nwhile time.monotonic() < end: pass"]
        )
        for _ in range(2 * (os.cpu_count() or 1))
    ]
    for process in busy:
        assert process.wait(60) == 0
    sent = [float(line.split()[0]) for line in capture.lines() if "VRRPv3" in line]
    print(f"longest pause between adverts: {max(b - a for a, b in pairwise(sent)) * 1000:.1f} ms")
    assert len(sent) > 30
    assert [speaker.agent.transitions() for speaker in (one, two)] == before
    assert lan.owners(VIP) == ["one"]


def test_a_named_interface_that_is_not_there_at_the_start_is_used_when_it_comes(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    one.apply(document({"one": 200}, VIP, interface="late0"))
    wait_for("the fault is told", lambda: faults(one) == ("InterfaceMissing",))
    one.host.run("ip", "link", "add", "late0", "type", "veth", "peer", "name", "late1")
    one.host.run("ip", "address", "add", "192.0.2.77/24", "dev", "late0")
    for name in ("late0", "late1"):
        one.host.run("ip", "link", "set", name, "up")
    one.wait_until("Active")
    assert VIP in one.host.addresses("late0")


def test_rule_87_a_router_that_flaps_says_so_once(lan: Lan) -> None:
    one, two = pair(lan, 5)
    for _ in range(4):
        two.host.cut()
        two.wait_until("Active")
        two.host.heal()
        two.wait_until("Backup")
    wait_for("it is said", lambda: "it flaps" in two.log())
    assert two.log().count("it flaps") == two.log().count("it flaps: are adverts late or lost?") == 1
    assert "reasons=NoResponse,HigherPriority" in two.log()
    assert "it flaps" not in one.log()
