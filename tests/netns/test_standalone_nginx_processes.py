"""`vipkeeper run` with nginx: whichever of its processes is killed, nobody keeps a port, and one host answers.

(How they end: test_standalone_nginx_ends.py.) Covers operator/vipkeeper/standalone/nginx_process.py and until_parent_ends.py.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.netns.http_gap import HttpGap
from tests.netns.lan import Lan, wait_for
from tests.netns.nginx_run import NginxRun, ask, nginx_pair
from tests.netns.processes import is_alive
from tests.netns.standalone import VIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nginx", "curl")]


@pytest.fixture
def pair(lan: Lan, tmp_path: Path) -> tuple[NginxRun, NginxRun]:
    return nginx_pair(lan, tmp_path)


@pytest.mark.parametrize(("key", "limit_ms"), [(False, 2000), (True, 500)], ids=["plain VRRP", "handing over"])
def test_masters_death_a_client_is_answered_by_the_other(lan: Lan, tmp_path: Path, key: bool, limit_ms: int) -> None:
    """The workers of a master that is dead would serve on, and keep the ports from the next one. The limits are those
    of a machine that does something else as well."""
    one, two = nginx_pair(lan, tmp_path, key=key)
    gap = HttpGap(lan.host("client"), VIP)
    workers = one.workers
    one.kill_nginx()
    wait_for("two took it", lambda: "active" in two.states())
    wait_for("no worker is left", lambda: not any(is_alive(pid) for pid in workers))
    wait_for("one has it again", lambda: lan.owners(VIP) == ["one"])
    longest_ms, hosts = gap.end()
    print(f"nginx killed, handed over and taken back: longest time without an answer {longest_ms:.0f} ms")
    assert {"one", "two"} <= hosts
    assert longest_ms < limit_ms


def test_a_worker_that_dies_is_replaced_by_its_master_and_nothing_moves(
    lan: Lan, pair: tuple[NginxRun, NginxRun]
) -> None:
    one, two = pair
    for worker in one.workers:
        os.kill(worker, signal.SIGKILL)
    client = lan.host("client")
    wait_for("it answers", lambda: ask(client) in ("one", "two"))
    wait_for("one has it", lambda: lan.owners(VIP) == ["one"])
    assert one.log().count("nginx started") == 1
    assert two.states()[-1] == "backup"


def test_an_nginx_that_hangs_is_no_nginx(lan: Lan, pair: tuple[NginxRun, NginxRun]) -> None:
    one, _two = pair
    processes = [one.master, *one.workers]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    wait_for("two has it", lambda: lan.owners(VIP) == ["two"], 20)
    assert "source=NginxCheckFailed healthy=False" in one.log()
    for pid in processes:
        os.kill(pid, signal.SIGCONT)
    wait_for("one has it again", lambda: lan.owners(VIP) == ["one"], 20)


def test_a_hanging_nginx_does_not_keep_a_run_from_its_end(pair: tuple[NginxRun, NginxRun]) -> None:
    one, _two = pair
    processes = [one.master, *one.workers]
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    assert one.stop() == 0
    assert "nginx has not finished in time, and is killed" in one.log()
    assert not any(is_alive(pid) for pid in processes)
    assert list(one.state_dir.iterdir()) == []
