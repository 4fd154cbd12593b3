"""Connections that last, through a virtual address, and how each of them ended: `python -m tests.netns.connections`.

A download that trickles, two clients that keep their connection alive (one silent, one that asks each 20 ms), a
WebSocket that says something each 20 ms, and one that only listens. Those that ask do it again on another connection
once theirs has ended, as browsers do, and know whether a *request* was lost by it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from tests.netns.lan import Host, wait_for

TICK_S = 0.02
UPGRADE = b"GET %s HTTP/1.1\r\nHost: vip\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\nHost: vip\r\n\r\n"
CLOSED, RESET, OPEN = "closed", "reset", "open"
"""`closed`: in order, by the other side."""


@dataclass(frozen=True, slots=True)
class End:
    how: str
    at_s: float
    """time.monotonic(); OPEN: when the watch ended."""
    lost: bool = False
    """A request was under way, or a download was not complete."""
    again: bool = False
    """A request on another connection was answered afterwards."""


class Connections:
    """On `host`, from now on. Wants nginx on 80 with an upstream of `backend_servers.py`."""

    def __init__(self, host: Host, address: str) -> None:
        self._file = host.lan.folder / f"connections-{time.monotonic_ns()}.json"
        self._process = host.start(
            *(sys.executable, "-m", "tests.netns.connections", address, str(self._file)),
            cwd=Path(__file__).parents[2],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "."},
        )
        wait_for("all connections are there", self._file.exists)

    def ends(self) -> dict[str, End]:
        """How they have ended, those that have."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)
        return {name: End(**told) for name, told in json.loads(self._file.read_text()).items()}


async def _ended(reader: asyncio.StreamReader) -> str:
    """How it ends; whatever comes before that is passed over."""
    try:
        while await reader.read(65536):
            pass
        return CLOSED
    except ConnectionError:
        return RESET


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(REQUEST)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)


async def _asks_again(address: str) -> bool:
    """Repeated as clients do: the first may come to a node that is about to leave."""
    for _ in range(3):
        if await _asks_once(address):
            return True
    return False


async def _asks_once(address: str) -> bool:
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(address, 80), 2)
        await asyncio.wait_for(_ask(reader, writer), 2)
    except (OSError, EOFError, TimeoutError):
        return False
    writer.close()
    return True


async def download(address: str, begun: Callable[[], None]) -> End:
    reader, writer = await asyncio.open_connection(address, 80)
    writer.write(b"GET /trickle HTTP/1.1\r\nHost: vip\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    begun()
    how = await _ended(reader)
    return End(how, time.monotonic(), lost=True)


async def idle(address: str, begun: Callable[[], None]) -> End:
    """Says nothing after its first request."""
    reader, writer = await asyncio.open_connection(address, 80)
    await _ask(reader, writer)
    begun()
    how = await _ended(reader)
    return End(how, time.monotonic(), again=await _asks_again(address))


async def busy(address: str, begun: Callable[[], None]) -> End:
    """Asks and asks. What it had asked and got no answer to is lost."""
    reader, writer = await asyncio.open_connection(address, 80)
    await _ask(reader, writer)
    begun()
    while True:
        await asyncio.sleep(TICK_S)
        if reader.at_eof():
            return End(CLOSED, time.monotonic(), again=await _asks_again(address))
        try:
            await _ask(reader, writer)
        except (ConnectionError, EOFError) as error:
            how = CLOSED if isinstance(error, EOFError) else RESET
            return End(how, time.monotonic(), lost=True, again=await _asks_again(address))


async def websocket(address: str, begun: Callable[[], None]) -> End:
    reader, writer = await asyncio.open_connection(address, 80)
    writer.write(UPGRADE % b"/echo")
    await reader.readuntil(b"\r\n\r\n")
    begun()
    end = asyncio.create_task(_ended(reader))
    while not end.done():
        writer.write(b"hello\n")
        await asyncio.wait([end], timeout=TICK_S)
    return End(await end, time.monotonic(), lost=True)


async def listener(address: str, begun: Callable[[], None]) -> End:
    reader, writer = await asyncio.open_connection(address, 80)
    writer.write(UPGRADE % b"/echo")
    await reader.readuntil(b"\r\n\r\n")
    begun()
    return End(await _ended(reader), time.monotonic(), lost=True)


KINDS: dict[str, Callable[[str, Callable[[], None]], Coroutine[None, None, End]]] = {
    "download": download,
    "idle": idle,
    "busy": busy,
    "websocket": websocket,
    "listener": listener,
}


async def watch(address: str, file: Path) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    begun: list[None] = []
    tasks = {name: asyncio.create_task(kind(address, lambda: begun.append(None))) for name, kind in KINDS.items()}
    while len(begun) < len(tasks):
        await asyncio.sleep(0.01)
    file.touch()
    await ending.wait()
    ends = {name: task.result() if task.done() else End(OPEN, time.monotonic()) for name, task in tasks.items()}
    told = {
        name: {"how": end.how, "at_s": end.at_s, "lost": end.lost, "again": end.again} for name, end in ends.items()
    }
    file.write_text(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(watch(sys.argv[1], Path(sys.argv[2])))
