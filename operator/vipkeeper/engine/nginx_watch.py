"""Is nginx there? A connection held open to its unix socket (`open_connection.py`) tells, also with the agent away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.open_connection import RETRY_MS, OpenConnection


class NginxWatch:
    """`healthy` is the verdict; `on_change` is called after it has changed, never before `start` has returned."""

    def __init__(self, loop: Loop, path: Path, on_change: Callable[[], None]) -> None:
        self._loop = loop
        self._path = str(path)
        self._on_change = on_change
        self._connection = self._new_connection()
        self._started = False

    def _new_connection(self) -> OpenConnection:
        return OpenConnection(self._loop, self._path, self._changed, RETRY_MS)

    @property
    def healthy(self) -> bool:
        return self._connection.alive is not False

    def start(self, now_ns: int) -> None:
        """The first verdict stands when this returns. Once started, it goes on."""
        if self._started:
            return
        self._connection.start(now_ns)
        self._started = True
        if self.healthy:
            log("nginx is there", socket=self._path)

    def close(self) -> None:
        """Until it is started again."""
        self._connection.close()
        self._connection, self._started = self._new_connection(), False

    def _changed(self, why: str) -> None:
        if not self._started:
            warn("nginx is not there", socket=self._path, error=why)
            return
        if self.healthy:
            log("nginx is back", socket=self._path)
        else:
            warn("nginx is gone", socket=self._path, error=why)
        self._on_change()
