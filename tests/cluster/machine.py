"""Facts about this machine that decide how the cluster is made. Reading only."""

from __future__ import annotations

import os
from pathlib import Path

CAP_SYS_RESOURCE = 24
"""Its bit in capability sets (linux/capability.h). Without it nobody may raise a limit or lower an OOM score."""


def has_capability(status: str, bit: int) -> bool:
    """Whether the bounding set in the text of /proc/self/status holds the capability."""
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> bit & 1)
    return False


def may_raise_limits() -> bool:
    return has_capability(Path("/proc/self/status").read_text(), CAP_SYS_RESOURCE)


def is_root() -> bool:
    return os.geteuid() == 0


def debian_suite(os_release: str) -> str | None:
    """The code name where this is Debian itself: derivatives have other packages under the same names."""
    facts = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    return facts.get("VERSION_CODENAME", "").strip('"') if facts.get("ID", "").strip('"') == "debian" else None


def this_debian_suite() -> str | None:
    release = Path("/etc/os-release")
    return debian_suite(release.read_text()) if release.exists() else None
