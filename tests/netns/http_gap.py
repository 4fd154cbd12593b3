"""A client that asks a web server again and again, each time anew, and knows for how long nobody answered."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.netns.lan import Host, wait_for

TIMEOUT_S = 0.25


class HttpGap:
    """On `host`, from now on. `end` tells."""

    def __init__(self, host: Host, address: str) -> None:
        self._file = host.lan.folder / f"gap-{time.monotonic_ns()}.json"
        self._process = host.start(
            *(sys.executable, "-m", "tests.netns.http_gap", address, str(self._file)),
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "."},
        )
        wait_for(f"{address} answers {host.name}", self._file.exists)

    def end(self) -> tuple[float, set[str]]:
        """The longest time without an answer in milliseconds, and what the answers were."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)
        told = json.loads(self._file.read_text())
        return told["gap_ms"], set(told["answers"])


def _ask(address: str) -> str:
    with socket.create_connection((address, 80), TIMEOUT_S) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while data := connection.recv(4096):
            answer += data
    return answer.rpartition(b"\r\n\r\n")[2].decode().strip()


def _main(address: str, file: Path) -> None:
    told: dict[str, object] = {}
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    answers: set[str] = set()
    last_s = longest_s = 0.0
    while going:
        try:
            answer = _ask(address)
        except OSError:
            answer = ""
        now_s = time.monotonic()
        if answer:
            longest_s = max(longest_s, now_s - last_s) if last_s else 0.0
            last_s = now_s
            answers.add(answer)
            told = {"gap_ms": longest_s * 1000, "answers": sorted(answers)}
            if not file.exists():
                file.write_text("{}")
        time.sleep(0.002)
    file.write_text(json.dumps(told))


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
