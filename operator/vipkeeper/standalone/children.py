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
from collections.abc import Iterable, Mapping
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
NO_FILES: Mapping[int, Path] = {}


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
        self.apart: set[int] = set()
        """Process groups of others than the guard and what is its."""
        self._started: set[int] = set()

    def start_guard(self) -> None:
        """In the main thread only: the guard ends with the thread that has started it."""
        self.guard = self.spawn([sys.executable, "-m", "vipkeeper.engine"], self._environment, self._log_end)

    def spawn(
        self,
        command: list[str],
        environment: Mapping[str, str],
        output: int,
        opened: Mapping[int, Path] = NO_FILES,
        closed: Iterable[int] = (),
    ) -> int:
        """The leader of a process group of its own. `opened`: what it and its children shall hold, by descriptor;
        `closed`: what we hold and they shall not."""
        pid = os.posix_spawn(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
                *((os.POSIX_SPAWN_CLOSE, number) for number in closed),
                *((os.POSIX_SPAWN_OPEN, number, str(path), os.O_RDONLY, 0) for number, path in opened.items()),
            ],
            setpgroup=0,
            setsigmask=[],
        )
        self._started.add(pid)
        return pid

    def reap(self) -> dict[int, int]:
        """Who has ended, with exit codes (negative: the signal). Children of other threads are theirs (`nginx -t`)."""
        ended = {}
        for pid in {*self._started, *self._of_this_thread()}:
            try:
                found, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                self._started.discard(pid)
                continue
            if found:
                ended[pid] = os.waitstatus_to_exitcode(status)
                self._started.discard(pid)
        if self.guard in ended:
            self.guard = 0
        return ended

    def left(self) -> list[int]:
        """Guard and engine, as far as they are there: all children but those of `apart`."""
        return [pid for pid in self._of_this_thread() if _group_of(pid) not in self.apart]

    def left_of(self, group: int) -> list[int]:
        return [pid for pid in self._of_this_thread() if _group_of(pid) == group]

    def _of_this_thread(self) -> list[int]:
        """And orphans of its children."""
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
        """All that is left of guard and engine."""
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)

    def close_log(self) -> None:
        os.close(self._log_end)


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0
