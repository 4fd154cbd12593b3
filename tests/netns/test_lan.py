"""The fixture cleans up after itself, also when the test run was killed."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.netns.lan import Lan, sweep_leftovers, wait_for

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

REPOSITORY = Path(__file__).parents[2]
DOOMED = """
import sys, time
from pathlib import Path
from tests.netns.lan import Lan
from tests.netns.speaker import Speaker
with Lan(Path(sys.argv[1])) as lan:
    speaker = Speaker(lan.host("one")).start()
    print(speaker.guard, speaker.engine, flush=True)
    time.sleep(600)
"""


def namespaces_of(pid: int) -> list[str]:
    return [path.name for path in Path("/run/netns").iterdir() if path.name.startswith(f"vk{pid}-")]


def is_gone(pid: str) -> bool:
    return not Path(f"/proc/{pid}/exe").exists()


def test_a_segment_is_gone_when_its_block_ends(tmp_path: Path) -> None:
    with Lan(tmp_path) as lan:
        host = lan.host("one")
        sleeper = host.start("sleep", "600")
        assert Path(f"/run/netns/{host.namespace}").exists()
    assert sleeper.poll() is not None
    assert not Path(f"/run/netns/{host.namespace}").exists()


def test_what_a_killed_run_has_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    doomed = subprocess.Popen(
        [sys.executable, "-c", DOOMED, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    with doomed:
        assert doomed.stdout is not None
        guard, engine = doomed.stdout.readline().split()
        doomed.kill()
    assert len(namespaces_of(doomed.pid)) == 2
    for pid in (guard, engine):
        wait_for("it has ended with its test run", partial(is_gone, pid))
    sweep_leftovers()
    assert namespaces_of(doomed.pid) == []
