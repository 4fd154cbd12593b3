"""`python -m tests.e2e.support.probe_ping ADDRESS INTERVAL_MS`: ICMP echo by a raw socket, IPv4 and IPv6.

Arrival times are the kernel's, so a busy machine that lets this program wait does not look like a slow answer.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from ipaddress import ip_address

from tests.e2e.support.probe_program import Beat
from tests.e2e.support.timeline import Probe

SO_TIMESTAMPNS = 35
ECHO = {4: (8, 0), 6: (128, 129)}
"""Types of request and reply: ICMP, ICMPv6."""


class Ping:
    def __init__(self, address: str, interval_ms: float) -> None:
        self._address = address
        self._version = ip_address(address).version
        family, protocol = (
            (socket.AF_INET, socket.IPPROTO_ICMP) if self._version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
        )
        self._socket = socket.socket(family, socket.SOCK_RAW, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)
        self._identifier = os.getpid() & 0xFFFF
        self._calendar_ns = time.time_ns() - time.monotonic_ns()
        self._sent_ns: list[int] = []
        self._answered_ns: dict[int, int] = {}
        self.beat = Beat(interval_ms, self._ask)
        self.beat.selector.register(self._socket, 1, self._receive)

    def probes(self) -> list[Probe]:
        return [Probe(sent_ns, self._answered_ns.get(number)) for number, sent_ns in enumerate(self._sent_ns)]

    def _ask(self) -> None:
        number = len(self._sent_ns)
        self._sent_ns.append(time.monotonic_ns())
        header = (ECHO[self._version][0], 0, 0, self._identifier, number & 0xFFFF)
        payload = struct.pack("!Q", number)
        message = struct.pack("!BBHHH", *header) + payload
        if self._version == 4:  # the kernel computes ICMPv6's, not ICMP's
            message = struct.pack("!BBHHH", header[0], 0, _checksum(message), *header[3:]) + payload
        try:
            self._socket.sendto(message, (self._address, 0))
        except OSError:
            pass  # no neighbour answers: an unanswered probe like any other

    def _receive(self, _file: object, _events: int) -> None:
        while True:
            try:
                packet, ancillary, _flags, source = self._socket.recvmsg(512, 128)
            except BlockingIOError:
                return
            except OSError:
                continue
            message = packet[(packet[0] & 0xF) * 4 :] if self._version == 4 else packet
            if len(message) < 16 or message[0] != ECHO[self._version][1] or source[0] != self._address:
                continue
            identifier, _sequence, number = struct.unpack("!HHQ", message[4:16])
            if identifier == self._identifier:
                self._answered_ns.setdefault(number, self._arrival_ns(ancillary))

    def _arrival_ns(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("@qq", data[:16])
                return int(seconds * 1_000_000_000 + nanoseconds - self._calendar_ns)
        return time.monotonic_ns()


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def main() -> None:
    ping = Ping(sys.argv[1], float(sys.argv[2]))
    ping.beat.run()
    ping.beat.report(ping.probes())


if __name__ == "__main__":
    main()
