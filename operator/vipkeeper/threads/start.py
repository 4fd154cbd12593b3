"""Threads, one for each thing that may block, all of them daemons, none of them half dead.

An exception that nobody expected ends the whole process: the kubelet (or systemd) starts it anew. Nothing moves in the
cluster meanwhile, because the engine does not need the agent. A thread that died in silence would be worse.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

log = logging.getLogger("threads")


def start_thread(name: str, work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except Exception:
            log.critical("thread %s failed, the process ends", name, exc_info=True)
            os._exit(70)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
