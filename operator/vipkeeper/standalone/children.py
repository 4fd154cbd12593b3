"""The guard as a child of ours, and whatever it leaves behind.

The guard ends with us (PR_SET_PDEATHSIG), and its engine with it, in order: `kill -9` of the run gives the addresses
away. The guard killed alone: its engine leaves by itself, and becomes our child (PR_SET_CHILD_SUBREAPER), so that we
know when it has: only then is a new guard started, because two engines of one host would not hear each other.

In a process group of its own: Ctrl-C is for us to pass on. Its stderr is a pipe, because an engine makes its log
non-blocking, which on a terminal would outlive us.

Tests: tests/netns/test_standalone_processes.py.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


class Children:
    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: what the guard needs besides ours."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.log, self._log_end = os.pipe()
        """What the guard and its children say; its end comes with theirs, after `close_log`."""
        self._environment = {
            **os.environ,
            **environment,
            "VIPKEEPER_PARENT": str(os.getpid()),
            "PYTHONSAFEPATH": "1",  # nothing is imported from the folder where somebody happens to start us
        }
        self.guard = 0

    def start_guard(self) -> None:
        """In the main thread only: the guard ends with the thread that has started it."""
        self.guard = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "vipkeeper.engine"],
            self._environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, self._log_end, 1),
                (os.POSIX_SPAWN_DUP2, self._log_end, 2),
            ],
            setpgroup=0,
            setsigmask=[],
        )

    def reap(self) -> int | None:
        """The exit code of the guard, if it has just ended (negative: the signal)."""
        code = None
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return code
            if child == 0:
                return code
            if child == self.guard:
                self.guard, code = 0, os.waitstatus_to_exitcode(status)

    def left(self) -> list[int]:
        """Children that are there, the guard's orphans among them."""
        own = os.getpid()
        text = Path(f"/proc/{own}/task/{own}/children").read_text()
        return [int(pid) for pid in text.split()]

    def terminate(self) -> None:
        if self.guard:
            os.kill(self.guard, signal.SIGTERM)

    def ask_for_journal(self) -> None:
        if self.guard:
            os.kill(self.guard, signal.SIGUSR1)

    def kill(self) -> None:
        """All that is left."""
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)

    def close_log(self) -> None:
        os.close(self._log_end)
