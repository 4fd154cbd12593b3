"""Programs that fail, hang, or are interrupted leave a clear word and no child."""

import sys
import threading
import time
from pathlib import Path

import pytest

from tests.cluster.commands import output_of, run, run_logged, succeeds
from tests.cluster.errors import CommandFailed
from tests.cluster.processes import start_ticks_of


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_failure_carries_the_code_and_the_last_words() -> None:
    with pytest.raises(CommandFailed, match="ended with 3\nno luck"):
        output_of(python("import sys; print('no luck'); sys.exit(3)"))


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandFailed, match="not found: no-such-program"):
        run(["no-such-program"])
    assert not succeeds(["no-such-program"])


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    family = f"import subprocess; c = subprocess.Popen(['sleep', '60']); open({str(tmp_path / 'pid')!r}, 'w').write(str(c.pid)); c.wait()"
    with pytest.raises(CommandFailed, match="no end after 1 s"):
        run(python(family), timeout_s=1)
    grandchild = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5
    while start_ticks_of(grandchild) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert start_ticks_of(grandchild) is None


def test_a_logged_failure_names_its_log(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    with pytest.raises(CommandFailed) as failed:
        run_logged(python("import sys; print('why'); sys.exit(1)"), log)
    assert str(log) in str(failed.value)
    assert "why" in log.read_text()


def test_a_long_command_gives_signs_of_life(tmp_path: Path) -> None:
    seen = threading.Event()
    run_logged(python("import time; time.sleep(0.5)"), tmp_path / "log", every_s=0.1, alive=lambda _: seen.set())
    assert seen.is_set()
