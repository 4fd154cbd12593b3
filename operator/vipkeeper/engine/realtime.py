"""How the engine asks the machine to be punctual. Each wish may be refused (a cgroup, a missing capability): the
engine then goes on without it, and says so in one line.

Measured by others (keepalived, 2 processors, 8 busy loops): an advert each 10 ms is up to 43 ms late without real
time and 12.7 ms with it.

Tests: tests/netns/test_footprint.py.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal

from vipkeeper.engine.log import warn

ENGINE_PRIORITY = 50
"""Of SCHED_RR, 1..99: above everything that is not as urgent, below the kernel's own threads that feed us packets."""
GUARD_PRIORITY = 40

_PR_SET_PDEATHSIG, _PR_SET_TIMERSLACK = 1, 29
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


def ask_for_real_time(priority: int) -> bool:
    """SCHED_RR for this process; its children start without it."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except OSError as error:
        warn("real-time scheduling is refused; going on without", error=error.strerror)
        return False
    return True


def keep_memory() -> bool:
    """Pages that were touched stay: no page fault from disk in the middle of a takeover."""
    if _libc().mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        warn("locking memory is refused; going on without", error=os.strerror(ctypes.get_errno()))
        return False
    return True


def wake_on_time() -> None:
    """Without real time, the kernel may let a timer ring up to 50 us late to save power."""
    _libc().prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """SIGTERM to us when the guard dies. When it already has, we end here."""
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def take_garbage_collection_in_hand() -> None:
    """What exists now is here to stay; later garbage is collected when the loop says so (`collect`)."""
    gc.collect()
    gc.disable()
    gc.freeze()


def collect() -> None:
    gc.collect()


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
