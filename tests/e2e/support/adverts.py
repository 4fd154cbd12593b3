"""The adverts on the segment as a client hears them, read without our own decoder, so that both can be wrong alone."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from tests.cluster.clients import Client
from tests.cluster.paths import ROOT

VRRP = 112
GROUP = "224.0.0.18"


@dataclass(frozen=True, slots=True)
class Heard:
    source: str
    vrid: int
    priority: int
    interval_cs: int
    key_id: int | None
    """Of the HMAC trailer behind it; None: there is none."""
    at_ns: int


def heard_adverts(client: Client, vrid: int, seconds: float = 1.0) -> list[Heard]:
    """Every IPv4 advert of that virtual router in the next seconds."""
    command = [*client.prefix, sys.executable, "-m", __name__, str(seconds)]
    listened = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 30, check=True)
    return [heard for heard in (Heard(**row) for row in json.loads(listened.stdout)) if heard.vrid == vrid]


def listen(seconds: float) -> list[Heard]:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_RAW, VRRP)
    own = socket.inet_aton(GROUP) + struct.pack("=Ii", 0, socket.if_nametoindex("eth0"))
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, own)
    deadline = time.monotonic() + seconds
    heard = []
    while (left := deadline - time.monotonic()) > 0:
        receiver.settimeout(left)
        try:
            packet, (source, _) = receiver.recvfrom(2048)
        except TimeoutError:
            break
        body = packet[(packet[0] & 0xF) * 4 :]
        kind, vrid, priority, count, interval = struct.unpack("!BBBBH", body[:6])
        if kind == 0x31:  # version 3, advertisement
            key_id = body[-27] if len(body) == 8 + 4 * count + 28 else None
            heard.append(Heard(source, vrid, priority, interval & 0xFFF, key_id, time.monotonic_ns()))
    return heard


if __name__ == "__main__":
    print(json.dumps([asdict(heard) for heard in listen(float(sys.argv[1]))]))
