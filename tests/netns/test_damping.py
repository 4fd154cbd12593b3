"""A health that flaps does not make the address flap (health/damping.py, engine/damper.py)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document
from tests.netns.test_nginx_watch import two as two_with_nginx
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, TCPCheck

pytestmark = [pytest.mark.root, pytest.mark.requires("ip")]

VIP = "192.0.2.100"
GOOD, BAD = (Health(HealthSource.TCP_CHECK, healthy, name="web") for healthy in (True, False))


def pair(lan: Lan, on_failure: str = "Yield") -> tuple[Speaker, Speaker]:
    check = TCPCheck(ip_address("192.0.2.254"), 5432, 100, 100, 2, 3)  # elsewhere: the engine itself does not look
    health = HealthSection(tcp=(check,), on_failure=on_failure)
    wanted = replace(document({"one": 200, "two": 100}, VIP, interval_cs=10), health=health)
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    for speaker in (one, two):
        speaker.apply(wanted)
        speaker.agent.send(GOOD)
    one.wait_until("Active", limit_s=40)
    two.wait_until("Backup", limit_s=40)
    return one, two


def flap(lan: Lan, one: Speaker, times: int = 5) -> None:
    """As quickly as it goes, so every other failure belongs to the one before. `one` fails, and is well again when `two` has the address; the last time it does not get it back."""
    for number in range(times):
        one.agent.send(BAD)
        wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
        one.agent.send(GOOD)
        if number < times - 1:
            wait_for("one has it back", lambda: lan.owners(VIP) == ["one"])


@pytest.mark.parametrize("on_failure", ["Yield", "Release"])
def test_after_three_failures_the_address_stays_where_it_is_and_comes_when_it_must(lan: Lan, on_failure: str) -> None:
    one, two = pair(lan, on_failure)
    flap(lan, one)
    stays("two has it, alone", lambda: lan.owners(VIP) == ["two"], 2.0)
    status = one.wait_until("Backup")
    assert (status.priority, status.ailments) == (1, ())
    assert 20_000 < status.damped_ms <= 30_000
    assert one.log().count("health flaps; held back vip=web failures=3 for_s=") == 1
    assert "adverts late" not in one.log() + two.log(), "it was the health"
    two.agent.send(BAD)
    wait_for("one is well, two is not", lambda: lan.owners(VIP) == ["one"])
    status = one.wait_until("Active")
    assert (status.priority, status.damped_ms) == (200, 0)
    stays("one has it, alone", lambda: lan.owners(VIP) == ["one"], 1.0)


def test_another_engine_knows_that_the_node_is_damped(lan: Lan) -> None:
    one, _two = pair(lan)
    flap(lan, one)
    wait_for("it is told", lambda: (one.told().damped_ms, one.told().ailments)[0] > 0)
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    wait_for("it is told again", lambda: (status := one.status()) and status.damped_ms > 0, 40)
    stays("two has it", lambda: lan.owners(VIP) == ["two"], 2.0)


def test_a_damped_node_takes_over_from_a_dead_one(lan: Lan) -> None:
    one, two = pair(lan)
    flap(lan, one)
    wait_for("it is told", lambda: one.told().damped_ms > 0)
    two.kill_everything()
    assert one.wait_until("Active").priority == 200


def test_an_nginx_that_flaps_does_not_make_the_address_flap_and_needs_no_agent(lan: Lan) -> None:
    """Its unix socket dies and is back, seven times, in quick succession; the fifth time was one too many."""
    one, two, nginx = two_with_nginx(lan)
    for speaker in (one, two):
        speaker.leave_agent()
    for number in range(7):
        nginx.die()
        wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
        nginx.live()
        if number < 4:
            wait_for("one has it back", lambda: lan.owners(VIP) == ["one"])
        else:
            stays("two has it, alone", lambda: lan.owners(VIP) == ["two"], 1.5)
    assert 50_000 < one.wait_until("Backup").damped_ms <= 60_000, "the fourth failure doubles it"
    assert one.log().count("health flaps") == 1
