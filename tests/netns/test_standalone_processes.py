"""`vipkeeper run`: whichever of its processes is killed, there are never two owners, and the rest does its duty."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.processes import is_alive
from tests.netns.standalone import VIP, Standalone, preferring, write

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]


@pytest.fixture
def pair(lan: Lan, tmp_path: Path) -> tuple[Standalone, Standalone]:
    file = write(tmp_path / "vip.yaml", preferring({"one": 200}))
    one, two = (Standalone(lan.host(name), file).start() for name in ("one", "two"))
    wait_for(f"one has it\n{one.log()}", lambda: lan.owners(VIP) == ["one"] and two.states() == ["backup"])
    return one, two


def test_the_run_killed_its_children_leave_in_order(lan: Lan, pair: tuple[Standalone, Standalone]) -> None:
    one, two = pair
    capture = lan.capture("vrrp")
    pids = [one.guard, one.engine]
    one.send(signal.SIGKILL)
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"])
    wait_for("they have ended", lambda: not any(is_alive(pid) for pid in pids))
    assert "reason=PriorityZero" in two.log()
    assert "prio 0" in capture.text()


def test_a_run_that_is_killed_and_started_again_at_once_has_the_address_again(
    lan: Lan, pair: tuple[Standalone, Standalone]
) -> None:
    """It waits for the children of the run before (StateDir): two engines of one host would not hear each other."""
    one, two = pair
    engine = one.engine
    one.send(signal.SIGKILL)
    one.wait()
    one.start()
    one.wait_for_log("engine started", times=2)
    assert not is_alive(engine)
    wait_for("one has it again, alone", lambda: one.states()[-1] == "active" and lan.owners(VIP) == ["one"])
    assert two.states() == ["backup", "active", "backup"]


def test_the_guard_killed_its_engine_leaves_and_a_new_guard_comes(
    lan: Lan, pair: tuple[Standalone, Standalone]
) -> None:
    one, two = pair
    guard, engine = one.guard, one.engine
    os.kill(guard, signal.SIGKILL)
    wait_for("two takes it", lambda: "reason=PriorityZero" in two.log())
    one.wait_for_log("engine started", times=2)
    assert "the guard has died: status=-9" in one.log()
    assert not is_alive(engine)
    wait_for("one has it again, alone", lambda: lan.owners(VIP) == ["one"])
    assert one.guard not in (0, guard)
    assert one.stop() == 0


def test_a_new_guard_waits_for_the_engine_of_the_one_before(lan: Lan, pair: tuple[Standalone, Standalone]) -> None:
    one, two = pair
    engine = one.engine
    os.kill(engine, signal.SIGSTOP)  # so that it can't leave
    os.kill(one.guard, signal.SIGKILL)
    one.wait_for_log("the guard has died")
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"], 4)
    stays("no second engine", lambda: one.engine == engine, 1)
    os.kill(engine, signal.SIGCONT)
    wait_for("another engine", lambda: one.engine != engine)
    assert not is_alive(engine)
    wait_for("one has it again, alone", lambda: lan.owners(VIP) == ["one"])
    wait_for("two gives it back", lambda: two.states()[-1] == "backup")


def test_the_terminals_ctrl_c_is_for_the_run_alone(pair: tuple[Standalone, Standalone]) -> None:
    one, _two = pair
    assert os.getpgid(one.guard) == os.getpgid(one.engine) == one.guard
    assert os.getpgid(one.pid) != one.guard


def test_the_engine_killed_nobody_notices(lan: Lan, pair: tuple[Standalone, Standalone]) -> None:
    one, two = pair
    engine = one.engine
    os.kill(engine, signal.SIGKILL)
    wait_for("another one", lambda: one.engine not in (0, engine))
    wait_for("it resumes", lambda: "reason=Resumed" in one.log())
    assert lan.owners(VIP) == ["one"]
    assert two.states() == ["backup"]


def test_all_killed_at_once_the_kernel_takes_the_address_away(lan: Lan, pair: tuple[Standalone, Standalone]) -> None:
    one, two = pair
    pids = [one.pid, one.guard, one.engine]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"], 4)
    assert "reason=NoResponse" in two.log()


def test_a_frozen_engine_does_not_keep_a_run_from_its_end(lan: Lan, pair: tuple[Standalone, Standalone]) -> None:
    one, _two = pair
    engine = one.engine
    os.kill(engine, signal.SIGSTOP)
    assert one.stop() == 0
    assert not is_alive(engine)
    wait_for("two has it, alone", lambda: lan.owners(VIP) == ["two"], 4)
