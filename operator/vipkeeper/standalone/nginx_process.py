"""nginx as a child of the run: master, workers, and what is left of them when one of them is killed.

A master that is killed leaves workers behind, which serve on and keep the ports from the next one. They are in the
master's process group, and become our children (`children.py`). When the run is killed with its nginx nobody is there to
end them: so each of nginx's processes holds a file open, by which the next run finds them. Workers that end
already, and finish a download, hold no ports, and are left alone.

Tests: tests/netns/test_standalone_nginx_processes.py, test_standalone_nginx_ends.py
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from vipkeeper.standalone import until_parent_ends
from vipkeeper.standalone.children import Children
from vipkeeper.standalone.state_dir import StateDir

HELD = 9
"""Number of the descriptor that all processes of nginx have."""
_KILL_MAY_TAKE_S = 2.0
_ENDING = b"nginx: worker process is shutting down"

log = logging.getLogger("run")


class NginxProcess:
    """`start` in the main thread only: nginx ends with the thread that has started it."""

    def __init__(self, children: Children, output: int, state_dir: StateDir) -> None:
        self._children = children
        self._output = output
        self._held = state_dir.nginx_held
        self._lock = state_dir.childrens_lock
        self._group = 0
        self.pid = 0
        """Of the master; 0: it does not run."""

    def start(self, command: list[str]) -> None:
        self._held.touch()
        wrapper = [sys.executable, "-IS", str(until_parent_ends.__file__), str(os.getpid())]
        self.pid = self._group = self._children.spawn(
            [*wrapper, *command], dict(os.environ), self._output, {HELD: self._held}, [self._lock]
        )
        self._children.apart.add(self.pid)

    def send(self, number: signal.Signals) -> None:
        if pid := self.pid:
            _kill(pid, number)

    def has_ended(self) -> None:
        """The master was reaped: its workers shall not go on without it."""
        self.pid = 0
        self.kill()

    def left(self) -> bool:
        return bool(self.pid) or bool(self._group and self._children.left_of(self._group))

    def kill(self) -> None:
        """Master and workers."""
        if self._group:
            try:
                os.killpg(self._group, signal.SIGKILL)
            except ProcessLookupError:
                pass
            except PermissionError:
                log.error("nginx' processes can't be killed: CAP_KILL needed")


def end_left_behind(held: Path) -> None:
    """Of a run that was killed together with its nginx."""
    pids = _holders(held)
    for pid in pids:
        _kill(pid, signal.SIGKILL)
    if pids:
        log.warning("processes of an nginx without its run are ended: %s", ",".join(map(str, pids)))
    deadline_s = time.monotonic() + _KILL_MAY_TAKE_S
    while pids and _holders(held) and time.monotonic() < deadline_s:
        time.sleep(0.01)


def _holders(held: Path) -> list[int]:
    try:
        wanted = held.stat()
    except OSError:
        return []
    own = os.getpid()
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if pid != own and _holds(pid, wanted) and not _is_ending(pid)]


def _holds(pid: int, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(Path(f"/proc/{pid}/fd/{HELD}").stat(), wanted)
    except OSError:
        return False


def _is_ending(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(_ENDING)
    except OSError:
        return True


def _kill(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
