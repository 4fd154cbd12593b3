from __future__ import annotations

import queue
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.agent.samples import document, status
from vipkeeper.ipc.messages import Apply, Synced, Welcome, decode_agent_message, encode
from vipkeeper.threads.engine_client import Connected, Disconnected, EngineClient, EngineEvent


class Engine:
    """The engine's end of the socket."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(10)
        self.connection: socket.socket | None = None

    def accept(self) -> socket.socket:
        self.connection, _ = self._listener.accept()
        self.connection.settimeout(10)
        return self.connection

    def close(self) -> None:
        self._listener.close()
        if self.connection is not None:
            self.connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = Engine(path)
    yield engine
    engine.close()


@pytest.fixture
def told() -> queue.SimpleQueue[EngineEvent]:
    return queue.SimpleQueue()


@pytest.fixture
def client(path: Path, engine: Engine, told: queue.SimpleQueue[EngineEvent]) -> Iterator[EngineClient]:
    client = EngineClient(path, told.put)
    engine.accept()
    assert told.get(timeout=10) == Connected()
    yield client
    client.close()


def test_messages_go_both_ways_also_in_pieces(
    client: EngineClient, engine: Engine, told: queue.SimpleQueue[EngineEvent]
) -> None:
    assert engine.connection is not None
    lines = encode(Welcome("1", "worker1", "default")) + encode(status())
    engine.connection.sendall(lines[:20])
    engine.connection.sendall(lines[20:])
    assert told.get(timeout=10) == Welcome("1", "worker1", "default")
    assert told.get(timeout=10) == status()
    client.send(Apply(document()))
    client.send(Synced(("web",)))
    with engine.connection.makefile("rb") as reader:
        assert decode_agent_message(reader.readline()) == Apply(document())
        assert decode_agent_message(reader.readline()) == Synced(("web",))


@pytest.mark.usefixtures("client")
def test_a_restarted_engine_is_connected_to_within_a_tenth_of_a_second(
    engine: Engine, path: Path, told: queue.SimpleQueue[EngineEvent]
) -> None:
    engine.close()
    assert told.get(timeout=10) == Disconnected()
    again = Engine(path)
    began_s = time.monotonic()
    again.accept()
    took_s = time.monotonic() - began_s
    assert told.get(timeout=10) == Connected()
    again.close()
    assert took_s < 1  # 0.1 on a machine with nothing else to do


def test_what_was_not_sent_is_forgotten_with_the_connection(
    client: EngineClient, engine: Engine, path: Path, told: queue.SimpleQueue[EngineEvent]
) -> None:
    engine.close()
    assert told.get(timeout=10) == Disconnected()
    client.send(Synced(("stale",)))
    again = Engine(path)
    connection = again.accept()
    assert told.get(timeout=10) == Connected()
    client.send(Synced(("fresh",)))
    with connection.makefile("rb") as reader:
        assert decode_agent_message(reader.readline()) == Synced(("fresh",))
    again.close()


def test_an_engine_that_does_not_read_does_not_block_the_sender(client: EngineClient) -> None:
    began_s = time.monotonic()
    for number in range(2000):
        client.send(Synced(tuple(f"name-{number}-{item}" for item in range(50))))
    assert time.monotonic() - began_s < 10


@pytest.mark.usefixtures("client")
def test_a_line_that_is_not_understood_is_passed_over(engine: Engine, told: queue.SimpleQueue[EngineEvent]) -> None:
    assert engine.connection is not None
    engine.connection.sendall(b'{"type": "news of the future"}\nnonsense\n' + encode(Welcome("1", "n", "p")))
    assert told.get(timeout=10) == Welcome("1", "n", "p")
