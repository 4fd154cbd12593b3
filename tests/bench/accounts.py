"""What processes have used: /proc/PID/stat, /proc/PID/pagemap.

Memory "alone": a page counts by the number of the program's *own* processes that map it, whoever else on the machine
has the same interpreter or C library open. That is the PSS on a machine where nothing else runs, and the worst case.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PRESENT = 1 << 63
_FRAME = (1 << 55) - 1
_VSYSCALL = 1 << 63
"""Addresses above belong to the kernel; pagemap does not know them."""


def cpu_s(pid: int) -> float:
    """User and system time."""
    return parse_cpu_s(Path(f"/proc/{pid}/stat").read_text())


def parse_cpu_s(stat: str) -> float:
    fields = stat.rpartition(")")[2].split()  # a command's name may hold blanks and parentheses
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mib(pid: int) -> float:
    return parse_kib(Path(f"/proc/{pid}/smaps_rollup").read_text(), "Rss") / 1024


def parse_kib(smaps: str, name: str) -> int:
    found = re.search(rf"^{name}: +(\d+) kB$", smaps, re.MULTILINE)
    if found is None:
        raise ValueError(f"{name} is not told")
    return int(found[1])


def alone_mib(pids: Iterable[int]) -> dict[int, float]:
    """PSS of each, as if these were the only processes."""
    return {pid: pages * PAGE_BYTES / 2**20 for pid, pages in shares({p: page_frames(p) for p in pids}).items()}


def shares(frames: dict[int, set[int]]) -> dict[int, float]:
    """Pages of each, a page of n owners counted as 1/n."""
    owners = Counter(frame for owned in frames.values() for frame in owned)
    return {pid: sum(1 / owners[frame] for frame in owned) for pid, owned in frames.items()}


def page_frames(pid: int) -> set[int]:
    """Physical pages that are mapped (root: others see zeros)."""
    found: set[int] = set()
    with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as pagemap:
        for first, last in parse_maps(Path(f"/proc/{pid}/maps").read_text()):
            pagemap.seek(first // PAGE_BYTES * 8)
            found |= parse_pagemap(pagemap.read((last - first) // PAGE_BYTES * 8))
    found.discard(0)
    return found


def parse_maps(maps: str) -> list[tuple[int, int]]:
    ranges = ((int(a, 16), int(b, 16)) for a, b in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) ", maps, re.MULTILINE))
    return [(first, last) for first, last in ranges if first < _VSYSCALL]


def parse_pagemap(data: bytes) -> set[int]:
    entries = memoryview(data[: len(data) // 8 * 8]).cast("Q")
    return {entry & _FRAME for entry in entries if entry & _PRESENT}
