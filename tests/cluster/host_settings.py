"""Kernel settings that are the whole machine's, not a namespace's: nodes change them, so they are noted and restored.

Kubelets set how the kernel meets an oops or a full memory; systemd in the nodes brings its own defaults; kube-proxy
sizes connection tracking. A user's machine must come back as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

NOTED = (
    "fs.file-max",
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "fs.nr_open",
    "fs.protected_fifos",
    "fs.protected_hardlinks",
    "fs.protected_regular",
    "fs.protected_symlinks",
    "fs.suid_dumpable",
    "kernel.core_pattern",
    "kernel.core_uses_pid",
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.pid_max",
    "kernel.printk",
    "kernel.sysrq",
    "net.netfilter.nf_conntrack_max",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
)


def _file(name: str, root: Path) -> Path:
    return root / name.replace(".", "/")


def note(names: tuple[str, ...] = NOTED, root: Path = Path("/proc/sys")) -> dict[str, str]:
    """What they are now. A kernel without one of them has nothing to restore."""
    found = {}
    for name in names:
        try:
            found[name] = _file(name, root).read_text().rstrip("\n")
        except OSError:
            continue
    return found


def restore(noted: Mapping[str, str], root: Path = Path("/proc/sys")) -> dict[str, tuple[str, str]]:
    """Writes back only what differs. Returns name: (what it had become, what it is again)."""
    restored = {}
    for name, before in noted.items():
        try:
            now = _file(name, root).read_text().rstrip("\n")
            if now != before:
                _file(name, root).write_text(before + "\n")
                restored[name] = (now, before)
        except OSError:
            continue
    return restored
