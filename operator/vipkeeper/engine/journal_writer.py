"""Writes the journal to `journal/` in the state folder: on SIGUSR1, and when the engine crashes.

In a child of its own, so that neither a slow disk nor a full one keeps an engine from its adverts, or a crashed one
from its end (the guard waits for that before it starts the next). The child holds nothing open but stderr: the next
engine needs the sockets. A disk that takes nothing is reported, and that is all that happens.

This is the one place of the engine that asks for the date: in the child, for people who read the journal.

Tests: tests/netns/test_journal.py, tests/unit/engine/test_journal_writer.py.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import vipkeeper
from vipkeeper.engine.log import log, warn
from vipkeeper.engine.settings import Settings
from vipkeeper.journal.file import compose
from vipkeeper.journal.ring import Journal

KEPT = 8
"""Newest journals that stay: an engine that crashes again and again does not fill the disk."""
CRASH = "crash"
_SUFFIX = ".journal"
_STDERR = 2


class JournalWriter:
    """`tell`: documents and statuses, as they are now."""

    def __init__(self, settings: Settings, journal: Journal, tell: Callable[[], Iterable[dict[str, Any]]]) -> None:
        self._settings = settings
        self._journal = journal
        self._tell = tell

    def write(self, why: str) -> int:
        """Start to; the child's process id. It is nobody's child when the engine has ended, and the guard's then."""
        failure = sys.exc_info()
        child = os.fork()
        if child:
            return child
        try:
            os.closerange(_STDERR + 1, os.sysconf("SC_OPEN_MAX"))
            self._write(why, failure)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(0)

    def _write(self, why: str, failure: Any) -> None:
        date = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        header = {
            "version": vipkeeper.__version__,
            "node": self._settings.node,
            "placement": self._settings.placement,
            "why": why,
            "writtenAt": date,
            "monotonicNs": time.monotonic_ns(),
            "kernel": os.uname().release,
            "python": sys.version.split()[0],
        }
        if failure[0] is not None:
            header["traceback"] = _traceback(*failure)
        try:
            more = list(self._tell())
        except Exception as error:  # an engine that crashes may be too broken to tell how it is
            more, header["silent"] = [], f"{type(error).__name__}: {error}"
        write_journal(self._settings.journal_dir, date, why, compose(header, more, self._journal.lines()))


def write_journal(folder: Path, date: str, why: str, lines: Iterator[bytes]) -> bool:
    """False when it could not be done; the reason is logged."""
    path = folder / f"{date.replace(':', '')}-{os.getpid()}-{why}{_SUFFIX}"
    aside = path.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.writelines(lines)
        aside.rename(path)
    except OSError as error:
        warn("the journal can't be written", folder=folder, error=error.strerror)
        _unlink(aside)
        return False
    log("journal written", path=path, bytes=path.stat().st_size)
    for old in sorted(folder.glob(f"*{_SUFFIX}"))[:-KEPT]:
        _unlink(old)
    return True


def _traceback(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> str:
    import traceback  # heavy, and for the child alone

    return "".join(traceback.format_exception(kind, error, where))


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass
