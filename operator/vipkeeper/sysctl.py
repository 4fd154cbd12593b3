"""Kernel settings: set, read back, reported with the knob and the value when they do not hold.

They are written through VIPKEEPER_PROC_SYS_NET: a container's own /proc/sys is read-only, a hostPath mount of
/proc/sys/net is not (and shows the settings of the network namespace of whoever opens it).

`ip_nonlocal_bind` lets nginx listen on an address that lives on another node at the moment. It is never set back: all
speakers of a node share it, and nobody can tell who else of them still needs it.

`promote_secondaries` is for addresses with the prefix of their subnet: without it the kernel removes, with the first
address of a subnet on an interface, all the others of that subnet. It is never set back either.
"""

from __future__ import annotations

from pathlib import Path

NONLOCAL_BIND = {"ipv4/ip_nonlocal_bind": "1", "ipv6/ip_nonlocal_bind": "1"}
"""Relative to /proc/sys/net."""


def promote_secondaries(interface: str) -> dict[str, str]:
    return {f"ipv4/conf/{interface}/promote_secondaries": "1"}


def ensure(root: Path, wanted: dict[str, str]) -> list[str]:
    """Make every knob hold its value. Returns the problems, one text for each knob that does not."""
    problems = []
    for knob, value in wanted.items():
        problem = _ensure_one(root / knob, value)
        if problem:
            problems.append(f"net.{knob.replace('/', '.')} shall be {value}: {problem}")
    return problems


def _ensure_one(path: Path, value: str) -> str:
    try:
        if path.read_text().strip() == value:
            return ""
    except FileNotFoundError:
        return "this kernel does not have it"
    except OSError as error:
        return f"can't be read ({error.strerror})"
    try:
        path.write_text(value)
        found = path.read_text().strip()
    except OSError as error:
        return f"can't be written ({error.strerror})"
    return "" if found == value else f"was written, and is {found}"
