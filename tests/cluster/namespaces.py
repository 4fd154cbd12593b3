"""Entering a network namespace from within this process."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.links import link_named

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


@contextmanager
def entered(namespace: Path) -> Iterator[None]:
    """The calling thread only. Sockets stay in the namespace in which they were opened."""
    with Path("/proc/thread-self/ns/net").open() as before, namespace.open() as wanted:
        _enter(wanted.fileno())
        try:
            yield
        finally:
            _enter(before.fileno())


def prefix_of(pid: int) -> list[str]:
    """The beginning of a command in the network of a process."""
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def mac_of(prefix: Sequence[str], interface: str) -> str:
    return link_named(prefix, interface).mac
