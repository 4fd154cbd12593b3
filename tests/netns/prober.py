"""A client that asks an address for an echo each millisecond, and knows for how long it got none.

What counts is which questions were answered, not when answers arrived: a machine that is busy for a moment delays both
sides, but it loses nothing. Run as a program on a host: `python -m tests.netns.prober ADDRESS FILE`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from ipaddress import ip_address
from pathlib import Path

from tests.netns.lan import Host, wait_for

INTERVAL_S = 0.001


class Prober:
    """On `host`, from now on. `gap_ms` ends it."""

    def __init__(self, host: Host, address: str) -> None:
        self._file = host.lan.folder / f"probe-{time.monotonic_ns()}.json"
        self._alive = self._file.with_suffix(".alive")
        self._process = host.start(
            sys.executable,
            "-m",
            "tests.netns.prober",
            address,
            str(self._file),
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "."},
        )
        wait_for(f"{address} answers {host.name}", self._alive.exists)

    def gap_ms(self) -> float:
        """The longest time in which every question stayed without an answer."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
        sent_s, answered = (json.loads(self._file.read_text())[name] for name in ("sent", "answered"))
        got = set(answered)
        longest_s, since_s = 0.0, None
        for number, at_s in enumerate(sent_s[:-50]):  # the last ones may be on their way
            if number in got:
                longest_s = max(longest_s, at_s - since_s if since_s is not None else 0.0)
                since_s = None
            elif since_s is None:
                since_s = at_s
        if since_s is not None:
            longest_s = max(longest_s, sent_s[-1] - since_s)
        return longest_s * 1000


def probe(address: str, file: Path) -> None:
    version = ip_address(address).version
    family, protocol, request, reply = (
        (socket.AF_INET, socket.IPPROTO_ICMP, 8, 0) if version == 4 else (socket.AF_INET6, 58, 128, 129)
    )
    opened = socket.socket(family, socket.SOCK_RAW, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    opened.setblocking(False)
    identifier = os.getpid() & 0xFFFF
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ending.append(number))
    sent_s: list[float] = []
    answered: list[int] = []
    next_s = time.monotonic()
    while not ending:
        now_s = time.monotonic()
        if now_s >= next_s:
            number = len(sent_s)
            message = struct.pack("!BBHHHI", request, 0, 0, identifier, number & 0xFFFF, number)
            checksum = _checksum(message) if version == 4 else 0  # the kernel makes that of ICMPv6
            try:
                opened.sendto(message[:2] + checksum.to_bytes(2, "big") + message[4:], (address, 0))
            except OSError:
                pass  # nobody answers for it
            sent_s.append(now_s)
            next_s = max(next_s + INTERVAL_S, now_s)
        select.select([opened], [], [], max(0.0, next_s - time.monotonic()))
        _read(opened, 20 if version == 4 else 0, reply, identifier, answered)
        if (answered and len(answered) == len(sent_s) == 1) or (answered and len(answered) % 100 == 1):
            file.with_suffix(".alive").touch()
    file.write_text(json.dumps({"sent": sent_s, "answered": answered}))


def _read(opened: socket.socket, header_bytes: int, reply: int, identifier: int, answered: list[int]) -> None:
    while True:
        try:
            packet = opened.recv(256)[header_bytes:]
        except BlockingIOError:
            return
        if len(packet) >= 12 and packet[0] == reply and packet[4:6] == identifier.to_bytes(2, "big"):
            answered.append(int.from_bytes(packet[8:12], "big"))


def _checksum(message: bytes) -> int:
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


if __name__ == "__main__":
    probe(sys.argv[1], Path(sys.argv[2]))
