"""The slow check of our own nginx: `GET /healthz` on its unix socket, with rise and fall.

The fast one (a connection held open) is the engine's; this one finds an nginx that lives and does not answer. A full
backlog is no verdict at all: busy is not dead.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from pathlib import Path

from vipkeeper.health.rise_fall import RiseFall, Verdict
from vipkeeper.nginx import unix_http
from vipkeeper.threads.start import start_thread

INTERVAL_S = 1.0
TIMEOUT_S = 1.0
RISE = 2
FALL = 2


def check(socket_path: Path, timeout_s: float = TIMEOUT_S) -> tuple[bool | None, str]:
    """True, False or None (nothing learned), and why."""
    try:
        status, _body = unix_http.get(socket_path, "/healthz", timeout_s)
    except BlockingIOError as error:
        return None, str(error)
    except (OSError, http.client.HTTPException) as error:
        return False, f"GET /healthz: {error}"
    return status == 200, f"GET /healthz: {status}"


def start_nginx_check(socket_path: Path, tell: Callable[[bool, str], None], interval_s: float = INTERVAL_S) -> None:
    """A thread that calls `tell(healthy, why)` at each change of the verdict."""

    def run() -> None:
        counter = RiseFall(rise=RISE, fall=FALL)
        while True:
            began_s = time.monotonic()
            ok, why = check(socket_path)
            if ok is not None:
                before, counter = counter.verdict, counter.checked(ok)
                if counter.verdict is not before:
                    tell(counter.verdict is Verdict.HEALTHY, why)
            time.sleep(max(0.0, began_s + interval_s - time.monotonic()))

    start_thread("nginx-check", run)
