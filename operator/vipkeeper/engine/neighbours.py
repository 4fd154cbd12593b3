"""The other engines of this node: one for each placement, all in the host's network namespace.

Each binds the abstract unix datagram socket `vipkeeper/<placement>`; the kernel lists them (/proc/net/unix), says who
sends (SCM_CREDENTIALS), and removes them with their process. Anybody on the host may take such a name: so only root and
our own uid are listened to, and nobody is waited for who does not answer.

Tests: tests/netns/test_adoption.py.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop

_PREFIX = "vipkeeper/"
_SCM_CREDENTIALS = 2
_SO_PASSCRED = 16
_CREDENTIALS = struct.Struct("=iII")
_DATAGRAM_BYTES = 1 << 16


class Neighbours:
    """`on_message` gets the sender's placement and what it says."""

    def __init__(self, loop: Loop, placement: str, on_message: Callable[[str, dict[str, Any]], None]) -> None:
        self._loop = loop
        self._placement = placement
        self._on_message = on_message
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_PASSCRED, 1)
        self.bound = False
        loop.watch(self._socket.fileno(), self._read)

    def bind(self) -> bool:
        """Take our name. False: another process of this node has it (an engine of our placement that has not ended)."""
        if not self.bound:
            try:
                self._socket.bind(_address_of(self._placement))
            except OSError:
                return False
            self.bound = True
        return True

    def placements(self) -> list[str]:
        """Who else is there now."""
        try:
            lines = Path("/proc/net/unix").read_text(errors="replace").splitlines()
        except OSError as error:
            warn("the engines of other placements can't be listed", error=error.strerror)
            return []
        names = {line.rpartition(" @" + _PREFIX)[2] for line in lines if " @" + _PREFIX in line}
        return sorted(names - {self._placement, ""})

    def send(self, placement: str, message: dict[str, Any]) -> bool:
        """False: nobody is there, or does not read."""
        try:
            self._socket.sendto(json.dumps(message).encode(), _address_of(placement))
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()

    def _read(self, _now_ns: int) -> None:
        try:
            data, ancillary, _flags, address = self._socket.recvmsg(_DATAGRAM_BYTES, 128)
        except OSError:
            return
        sender = address.decode(errors="replace") if isinstance(address, bytes) else str(address)
        placement = sender.removeprefix("\0" + _PREFIX)
        if placement == sender or _sender_uid(ancillary) not in (0, os.geteuid()):
            warn("a message of a stranger is ignored", sender=repr(sender))
            return
        try:
            message = json.loads(data)
        except ValueError:
            return
        if isinstance(message, dict):
            self._on_message(placement, message)


def _address_of(placement: str) -> bytes:
    return f"\0{_PREFIX}{placement}".encode()


def _sender_uid(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, _SCM_CREDENTIALS):
            return int(_CREDENTIALS.unpack_from(data)[1])
    return None
