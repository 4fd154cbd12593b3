"""One frame, as often as Python can send it, for some seconds: `with_frame` begins, `packets_of` waits for the end."""

from __future__ import annotations

import subprocess
import sys

from tests.netns.lan import Host

FLOOD_S = 4
SENDER = """
import socket, sys, time
frame = bytes.fromhex(sys.argv[1])
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("eth0", 0))
count, end = 0, time.monotonic() + float(sys.argv[2])
print("now", flush=True)
while time.monotonic() < end:
    for _ in range(100):
        try:
            out.send(frame)
        except OSError:
            continue
        count += 1
print(count)
"""


def with_frame(host: Host, frame: bytes) -> subprocess.Popen[str]:
    process: subprocess.Popen[str] = host.start(
        *(sys.executable, "-c", SENDER, frame.hex(), str(FLOOD_S)), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    return process


def packets_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())
