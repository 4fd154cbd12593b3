import asyncio
import socket
import time
from dataclasses import dataclass, field

import aiohttp

from vipkeeper.controller.probes import STUCK_AFTER_S, serve_probes


@dataclass
class Worker:
    synced: bool = False
    turned_at: float = field(default_factory=time.monotonic)


def ask(worker: Worker, path: str) -> int:
    async def run() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        runner = await serve_probes(worker, port, "127.0.0.1")
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def test_ready_is_who_has_seen_and_done_everything_once() -> None:
    assert ask(Worker(), "/readyz") == 503
    assert ask(Worker(synced=True), "/readyz") == 200


def test_alive_is_whose_task_turns() -> None:
    assert ask(Worker(), "/healthz") == 200
    assert ask(Worker(turned_at=time.monotonic() - STUCK_AFTER_S - 1), "/healthz") == 503
