"""The log of a run: lines to stderr, for a person. The engine's come through a pipe and look the same.

On a terminal or in a file each line has its time; the journal knows it by itself.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

from vipkeeper.threads.start import start_thread

log = logging.getLogger("run")


class _Formatter(logging.Formatter):
    default_msec_format = "%s.%03d"


def set_up() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(message)s" if _is_journal() else "%(asctime)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a stderr that is closed ends nothing


def relay(descriptor: int, prefix: str = "") -> threading.Thread:
    """A thread that logs what comes by `descriptor`, line by line, until its end."""

    def run() -> None:
        with os.fdopen(descriptor, "rb") as lines:
            for line in lines:
                log.info("%s%s", prefix, line.decode(errors="replace").rstrip("\n"))

    return start_thread("log", run)


def _is_journal() -> bool:
    """As systemd.exec(5) tells to find out: JOURNAL_STREAM is device and inode of what is stderr then."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
