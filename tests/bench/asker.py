"""A client that asks by HTTP, so many times a second, whatever becomes of the questions asked before.

A connection for each request. What became of each: answered, and in what time; or refused, reset, ended without an
answer, timed out. Run as a program on a host: `python -m tests.bench.asker ADDRESS RATE FILE`; SIGTERM ends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.netns.lan import Host, wait_for

ANSWERED, REFUSED, RESET, ENDED, TIMED_OUT, UNREACHABLE = (
    "answered",
    "refused",
    "reset",
    "ended",
    "timed out",
    "no route",
)
TIMEOUT_S = 3.0
"""A SYN that was lost is sent again after 1 s."""


@dataclass(frozen=True, slots=True)
class Request:
    sent_ns: int
    outcome: str
    took_ms: float


class Asker:
    """On `host`, from now on. `end` ends it."""

    def __init__(self, host: Host, address: str, rate: int) -> None:
        self._file = host.lan.folder / f"requests-{time.monotonic_ns()}.json"
        self._process = host.start(
            *(sys.executable, "-m", "tests.bench.asker", address, str(rate), str(self._file)),
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "."},
        )
        wait_for(f"{address} answers by HTTP", self._file.exists)

    def end(self) -> list[Request]:
        """All that were sent, once each has its outcome."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10 + TIMEOUT_S)
        return [Request(*values) for values in json.loads(self._file.read_text())]


async def ask(address: str, sent_ns: int) -> Request:
    try:
        outcome = await asyncio.wait_for(_answer_of(address), TIMEOUT_S)
    except TimeoutError:
        outcome = TIMED_OUT
    except ConnectionRefusedError:
        outcome = REFUSED
    except ConnectionError:
        outcome = RESET
    except OSError:
        outcome = UNREACHABLE
    return Request(sent_ns, outcome, (time.monotonic_ns() - sent_ns) / 1e6)


async def _answer_of(address: str) -> str:
    reader, writer = await asyncio.open_connection(address, 80)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n")
        return ANSWERED if (await reader.read()).startswith(b"HTTP/1.1 200") else ENDED
    finally:
        writer.close()


async def run(address: str, rate: int, file: Path) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    tasks = []
    next_s = time.monotonic()
    while not ending.is_set():
        tasks.append(asyncio.create_task(ask(address, time.monotonic_ns())))
        next_s += 1 / rate
        await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        if len(tasks) == rate // 4:
            file.touch()
    done = await asyncio.gather(*tasks)
    file.write_text(json.dumps([(item.sent_ns, item.outcome, item.took_ms) for item in done]))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
