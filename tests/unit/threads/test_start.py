from __future__ import annotations

import subprocess
import sys

from vipkeeper.threads.start import start_thread


def test_a_thread_runs_its_work_under_its_name() -> None:
    names: list[str] = []
    thread = start_thread("worker", lambda: names.append("done"))
    thread.join(timeout=10)
    assert names == ["done"]
    assert thread.name == "worker"
    assert thread.daemon


def test_an_unexpected_exception_in_any_thread_ends_the_process() -> None:
    program = (
        "import time\n"
        "from vipkeeper.threads.start import start_thread\n"
        "start_thread('bad', lambda: 1 / 0)\n"
        "time.sleep(60)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 70
    assert "ZeroDivisionError" in ended.stderr
