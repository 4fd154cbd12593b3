"""A process is the same only when its start time is, too."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.processes import Process, end, identify, parse_start_ticks, read_recorded, record

STAT = "4711 (a (b) c) S 1 4711 4711 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 18446744073709551615"


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_the_start_time_is_found_behind_a_name_with_blanks_and_parentheses() -> None:
    assert parse_start_ticks(STAT) == 987654


def test_a_zombie_is_not_alive() -> None:
    assert parse_start_ticks(STAT.replace(") S", ") Z")) is None


def test_an_id_that_was_given_to_another_process_is_not_touched() -> None:
    own = identify(os.getpid())
    assert own is not None
    assert own.alive
    reused = Process(own.pid, own.start_ticks - 1)
    assert not reused.alive
    assert end([reused]) == []


def test_what_was_recorded_can_be_ended_by_a_later_run(tmp_path: Path) -> None:
    with sleeper() as child:
        process = identify(child.pid, "sleeper")
        assert process is not None
        record(tmp_path / "processes.json", [process])
        assert end(read_recorded(tmp_path / "processes.json")) == []
        assert child.wait() < 0


def test_the_record_forgets_what_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "processes.json"
    record(file, [Process(2**22 + 1, 1, "never was")])
    own = identify(os.getpid(), "me")
    assert own is not None
    record(file, [own])
    assert read_recorded(file) == [own]
