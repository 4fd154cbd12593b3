"""The state folder: one run has it at a time, and its children hold a lock of their own.

A run that was killed leaves children behind for a moment, while they give their addresses away. The next run waits for
them: two engines of one host would not hear each other. Locks are on the folders themselves, so nothing has to be
removed for the next run, and the kernel takes them away with the processes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

CHILDREN_MAY_TAKE_S = 20.0
_LOOK_S = 0.02
_MAX_SOCKET_PATH_BYTES = 107
"""sun_path, and a zero byte."""


class CannotStart(Exception):
    """Why not, for people."""


class StateDir:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._locks: list[int] = []

    @property
    def engine_socket(self) -> Path:
        return self.path / "engine.sock"

    @property
    def nginx(self) -> Path:
        """Configuration, sockets and temporary files of our nginx."""
        return self.path / "nginx"

    @property
    def nginx_held(self) -> Path:
        """Open in all processes of our nginx (`nginx_process.py`)."""
        return self.path / "nginx.held"

    @property
    def childrens_lock(self) -> int:
        """Descriptor of the lock that guard and engine inherit. Not for nginx: a download that lasts keeps no run back."""
        return self._locks[1]

    def let_through(self) -> None:
        """Others may go through it, for the workers of nginx have a user of their own. They may not look around."""
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if not mode & stat.S_IXOTH:
            self.path.chmod(mode | stat.S_IXOTH)

    @property
    def documents(self) -> Path:
        """Kept there by the guard; locked by run, guard and engine alike."""
        return self.path / "documents"

    def take(self, note: Callable[[str], None]) -> None:
        """Raises CannotStart. Documents of a run before are deleted: the files are what counts."""
        if len(os.fsencode(self.engine_socket)) > _MAX_SOCKET_PATH_BYTES:
            raise CannotStart(f"--state-dir {self.path}: is too long a path for a unix socket in it")
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock_for_us()
            self.documents.mkdir(exist_ok=True)
            self._lock_for_children(note)
            for left in self.documents.iterdir():
                left.unlink()
        except OSError as error:
            raise CannotStart(f"--state-dir {self.path}: {error.strerror}") from error

    def leave(self) -> None:
        """Without children: nothing but an empty folder stays."""
        shutil.rmtree(self.documents, ignore_errors=True)
        shutil.rmtree(self.nginx, ignore_errors=True)
        self.nginx_held.unlink(missing_ok=True)
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()

    def _lock_for_us(self) -> None:
        lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._locks.append(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"--state-dir {self.path}: another `vipkeeper run` uses it; give each its own") from None

    def _lock_for_children(self, note: Callable[[str], None]) -> None:
        lock = os.open(self.documents, os.O_RDONLY | os.O_DIRECTORY)
        self._locks.append(lock)
        os.set_inheritable(lock, True)
        deadline_s = time.monotonic() + CHILDREN_MAY_TAKE_S
        noted = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    raise CannotStart(f"--state-dir {self.path}: processes of the run before do not end") from None
            if not noted:
                note("the processes of the run before have not ended yet; waiting for them")
                noted = True
            time.sleep(_LOOK_S)
