"""What it ran on, and how punctual that machine is by itself."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.figures import Figure

_CPUINFO = Path("/proc/cpuinfo")


def describe() -> list[str]:
    return [
        f"kernel: {platform.system()} {platform.release()} {platform.machine()}",
        f"processor: {processor(_CPUINFO.read_text())}, {os.cpu_count()} logical CPUs",
        f"memory: {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB",
        f"real-time scheduling: {'granted' if real_time_is_granted() else 'refused'}",
        f"Python {platform.python_version()}; {_keepalived()}",
    ]


def processor(cpuinfo: str) -> str:
    found = re.search(r"^model name\s*: (.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else "unknown"


def real_time_is_granted() -> bool:
    return not _in_child("import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))").returncode


def punctuality(seconds: float) -> Figure:
    """How late a process that does nothing but sleep for 10 ms wakes up (real time where it is granted)."""
    done = _in_child(_SLEEPER.format(rounds=int(seconds * 100)))
    late_ms = tuple(float(word) for word in done.stdout.split())
    return Figure("the machine itself", "sleep of 10 ms", "wakes up late by", "ms", late_ms)


_SLEEPER = """
import os, time
try:
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(50))
except OSError:
    pass
for _ in range({rounds}):
    begin = time.monotonic()
    time.sleep(0.01)
    print((time.monotonic() - begin - 0.01) * 1000)
"""


def _in_child(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)


def _keepalived() -> str:
    try:
        said = subprocess.run(["keepalived", "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "keepalived is not installed"
    return (said.stderr or said.stdout).partition("\n")[0].strip()


def load_average() -> float:
    return os.getloadavg()[0]


def today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())
