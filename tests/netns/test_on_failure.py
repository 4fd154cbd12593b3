"""`spec.health.onFailure` for real: who holds the address when nodes fall ill and are well again (the whole matrix:
tests/property/test_health_matrix.py)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.prober import Prober
from tests.netns.speaker import Speaker, document
from tests.netns.standalone import preferring, write
from tests.netns.test_handover import GAP_MS, _check, _serve, start_on
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, TCPCheck

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

VIP = "192.0.2.100"
GOOD, BAD = (Health(HealthSource.TCP_CHECK, healthy, name="web") for healthy in (True, False))


def pair(lan: Lan, on_failure: str, *, preempt: bool = True) -> tuple[Speaker, Speaker]:
    check = TCPCheck(ip_address("192.0.2.254"), 5432, 100, 100, 2, 3)  # elsewhere: the engine itself does not look
    health = HealthSection(tcp=(check,), on_failure=on_failure)
    wanted = replace(document({"one": 200, "two": 100}, VIP, interval_cs=10, preempt=preempt), health=health)
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    for speaker, state in ((one, "Active"), (two, "Backup")):  # in turn: without preemption the first one keeps it
        speaker.apply(wanted)
        speaker.agent.send(GOOD)
        speaker.wait_until(state, limit_s=40)
    return one, two


def held_by(lan: Lan, *names: str) -> None:
    wait_for(f"{names or 'nobody'} has it", lambda: lan.owners(VIP) == list(names))
    stays(f"{names or 'nobody'} has it", lambda: lan.owners(VIP) == list(names), 0.7)


@pytest.mark.parametrize("preempt", [True, False])
def test_release_all_ill_and_nobody_holds_the_address(lan: Lan, preempt: bool) -> None:
    one, two = pair(lan, "Release", preempt=preempt)
    one.agent.send(BAD)
    held_by(lan, "two")
    assert (one.told().state, one.told().reason) == ("Initialize", "Unhealthy")
    assert one.told().ailments == ("TCPCheckFailed",)
    two.agent.send(BAD)
    held_by(lan)
    two.agent.send(GOOD)
    held_by(lan, "two")
    one.agent.send(GOOD)
    held_by(lan, "one" if preempt else "two")


def test_yield_all_ill_and_exactly_one_holds_the_address(lan: Lan) -> None:
    one, two = pair(lan, "Yield")
    one.agent.send(BAD)
    held_by(lan, "two")
    two.agent.send(BAD)
    held_by(lan, "one")
    two.agent.send(GOOD)
    held_by(lan, "two")
    one.agent.send(GOOD)
    held_by(lan, "one")


def test_release_an_engine_that_is_killed_while_it_is_ill_does_not_take_the_address(lan: Lan) -> None:
    one, two = pair(lan, "Release")
    for speaker in (one, two):
        speaker.agent.send(BAD)
    held_by(lan)
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    held_by(lan)
    one.agent.send(GOOD)
    held_by(lan, "one")


def test_release_a_node_that_starts_takes_no_part_until_its_check_has_answered(lan: Lan) -> None:
    one, _two = pair(lan, "Release")
    one.stop()
    held_by(lan, "two")
    one.start()
    wait_for("it is held", lambda: (status := one.status()) and status.ailments == ("NotCheckedYet",), 40)
    stays("in Initialize", lambda: one.is_in("Initialize"), 1.0)
    one.agent.send(GOOD)
    held_by(lan, "one")


def test_release_with_peers_is_a_handover_that_clients_do_not_notice(lan: Lan, tmp_path: Path) -> None:
    file = write(tmp_path / "vip.yaml", preferring({"one": 200}, health={"tcp": [_check()], "onFailure": "Release"}))
    hosts = [lan.host(name) for name in ("one", "two")]
    servers = [_serve(host) for host in hosts]
    one, two = start_on(lan, file, hosts)
    prober = Prober(lan.host("client"), VIP)
    servers[0].kill()
    wait_for(f"two has it\n{one.log()}", lambda: lan.owners(VIP) == ["two"])
    assert "reason=Handover" in two.log(), two.log()
    assert prober.gap_ms() <= GAP_MS, one.log() + two.log()
    wait_for("one takes no part", lambda: one.states()[-1] == "initialize")
    servers[1].kill()
    held_by(lan)
    _serve(hosts[0])
    held_by(lan, "one")
