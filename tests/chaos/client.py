"""A client on the segment: asks an address for an echo each 10 ms, all the time, and remembers which were answered.

What counts is which questions were answered, not when: a busy machine delays, but loses nothing. Its socket lives in
the client's network namespace, its thread here, so it has the clock of the rest.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.e2e.support.owners import CLONE_NEWNET
from tests.netns.prober import _checksum

INTERVAL_S = 0.01
GRACE_S = 0.3
"""After that a question counts as not answered."""
IDENTIFIER = 0xC405


class Client:
    def __init__(self, namespace: Path, address: str) -> None:
        self._address = address
        self._socket = _raw_socket_in(namespace)
        self._sent_ns: list[int] = []
        self._answered: set[int] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="client", daemon=True)

    def __enter__(self) -> Client:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def longest_gap_ms(self, since_ns: int) -> float:
        """Of those that began after `since_ns`, by questions that had time to be answered."""
        longest, begun, last = 0, 0, since_ns
        until_ns = time.monotonic_ns() - int(GRACE_S * 1e9)
        for number, sent_ns in enumerate(self._sent_ns[:]):
            if sent_ns < since_ns or sent_ns > until_ns:
                continue
            last = sent_ns
            if number not in self._answered:
                begun = begun or sent_ns
            elif begun:
                longest, begun = max(longest, sent_ns - begun), 0
        return max(longest, last - begun if begun else 0) / 1e6

    def was_answered_since(self, since_ns: int) -> bool:
        newest = list(enumerate(self._sent_ns[:]))[-300:]
        return any(sent_ns >= since_ns and number in self._answered for number, sent_ns in newest)

    def _ask(self) -> None:
        next_s = time.monotonic()
        while not self._ended.is_set():
            number = len(self._sent_ns)
            head, tail = b"\x08\0", struct.pack("!HHI", IDENTIFIER, number & 0xFFFF, number)
            total = _checksum(head + b"\0\0" + tail).to_bytes(2, "big")
            self._sent_ns.append(time.monotonic_ns())
            with suppress(OSError):  # nobody answers for it
                self._socket.sendto(head + total + tail, (self._address, 0))
            next_s = max(next_s + INTERVAL_S, time.monotonic())
            while select.select([self._socket], [], [], max(0.0, next_s - time.monotonic()))[0]:
                self._read()

    def _read(self) -> None:
        try:
            packet = self._socket.recv(256)[20:]
        except OSError:  # what the kernel was told of an earlier question
            return
        if len(packet) >= 12 and packet[0] == 0 and packet[4:6] == IDENTIFIER.to_bytes(2, "big"):
            self._answered.add(int.from_bytes(packet[8:12], "big"))


def _raw_socket_in(namespace: Path) -> socket.socket:
    opened: list[socket.socket] = []

    def enter_and_open() -> None:
        _enter(namespace)
        opened.append(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))

    thread = threading.Thread(target=enter_and_open)
    thread.start()
    thread.join()
    opened[0].setblocking(False)
    return opened[0]


def _enter(namespace: Path) -> None:
    """The calling thread, for good."""
    number = os.open(namespace, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(number, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    finally:
        os.close(number)
