"""A host that means harm: it hears what is sent to the group, and sends whatever frames a test makes with scapy."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from tests.netns.lan import Host

_PROGRAM = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("eth0", 3))
print("ready", flush=True)
for line in sys.stdin:
    verb, what = line.split()
    if verb == "send":
        wire.send(bytes.fromhex(what))
        print("sent", flush=True)
        continue
    wanted = bytes.fromhex(what)
    try:
        while wire.recv(65536, socket.MSG_DONTWAIT):
            pass  # the past
    except BlockingIOError:
        pass
    while True:
        frame = wire.recv(65536)
        if frame[6:12] == wanted[:6] and frame[wanted[6]] == 112 and frame[wanted[7] + 1] == wanted[8]:
            print(frame.hex(), flush=True)
            break
"""
_PROTOCOL_AT = {4: 14 + 9, 6: 14 + 6}
_MESSAGE_AT = {4: 14 + 20, 6: 14 + 40}


class Stranger:
    def __init__(self, host: Host) -> None:
        self.host = host
        self._process: subprocess.Popen[str] = host.start(
            sys.executable, "-c", _PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer("ready")

    def send(self, frame: Any) -> None:
        """A scapy packet, or the bytes of a frame."""
        self._say("send", bytes(frame))
        self._answer("sent")

    def hear(self, sender: Host, vrid: int, version: int = 4) -> bytes:
        """The next frame with an advert for `vrid` from `sender`; `version` of IP."""
        mac = bytes.fromhex(sender.mac.replace(":", ""))
        self._say("hear", mac + bytes((_PROTOCOL_AT[version], _MESSAGE_AT[version], vrid)))
        return bytes.fromhex(self._line())

    @staticmethod
    def message_of(frame: bytes, version: int = 4) -> bytes:
        return frame[_MESSAGE_AT[version] :]

    def _say(self, verb: str, what: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{verb} {what.hex()}\n")
        self._process.stdin.flush()

    def _answer(self, wanted: str) -> None:
        line = self._line()
        assert line == wanted, line

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()
