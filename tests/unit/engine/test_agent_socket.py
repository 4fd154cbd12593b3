"""engine.sock: who may talk, what a bad line costs, and whom it costs. (With a speaker: tests/netns/test_documents.py.)"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.unit.engine.samples import web
from vipkeeper.engine.agent_socket import AGENT_UID, AgentSocket
from vipkeeper.engine.lines import MAX_UNSENT_BYTES
from vipkeeper.engine.loop import Loop
from vipkeeper.ipc.messages import (
    MAX_LINE_BYTES,
    AgentMessage,
    Apply,
    EngineMessage,
    Gone,
    Refused,
    Synced,
    Welcome,
    decode_engine_message,
    encode,
)

WELCOME = Welcome("1", "one", "default")


class Engine:
    """What stands behind the socket: it greets, it listens."""

    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.path = folder / "run" / "engine.sock"
        self.heard: list[AgentMessage] = []
        self.greeting: list[EngineMessage] = [WELCOME]
        self.socket = AgentSocket(self.loop, self.path, lambda: self.greeting, self.heard.append, lambda _name: False)
        self.agents: list[Agent] = []

    def agent(self) -> Agent:
        made = Agent(self)
        self.agents.append(made)
        return made

    def until(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not happened():
            assert time.monotonic() < end
            self.loop.run_once(0.02)


class Agent:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(engine.path))
        self.socket.setblocking(False)
        self._unread = b""
        self.ended = False

    def says(self, line: bytes) -> None:
        self.socket.sendall(line)

    def hears(self) -> EngineMessage:
        """The next message."""
        self._engine.until(self._has_line)
        line, _, self._unread = self._unread.partition(b"\n")
        return decode_engine_message(line)

    def _has_line(self) -> bool:
        self._read()
        return b"\n" in self._unread

    def is_cut_off(self) -> bool:
        self._read()
        return self.ended

    def _read(self) -> None:
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self._unread += data
        self.ended = self.ended or not data


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(tmp_path)
    yield made
    for agent in made.agents:
        agent.socket.close()
    made.socket.close()
    made.loop.close()


def test_who_connects_is_greeted_and_listened_to(engine: Engine) -> None:
    engine.greeting.append(Gone("an old one"))
    agent = engine.agent()
    assert [agent.hears(), agent.hears()] == [WELCOME, Gone("an old one")]
    agent.says(encode(Apply(web())) + encode(Synced(("web",))))
    engine.until(lambda: len(engine.heard) == 2)
    assert engine.heard == [Apply(web()), Synced(("web",))]


def test_everybody_who_is_there_is_told_and_who_has_left_is_not_missed(engine: Engine) -> None:
    first, second = engine.agent(), engine.agent()
    assert first.hears() == second.hears() == WELCOME
    first.socket.close()
    engine.socket.tell(Gone("web"))
    assert second.hears() == Gone("web")
    engine.socket.tell(Gone("mail"))
    assert second.hears() == Gone("mail")


@pytest.mark.parametrize("line", [b"no JSON", b"[]", b"{}", b'{"type":"nonsense"}', b"\xff\x00", b""])
def test_garbage_is_answered_and_the_next_line_counts(engine: Engine, line: bytes) -> None:
    agent = engine.agent()
    agent.hears()
    agent.says(line + b"\n" + encode(Synced(())))
    refused = agent.hears()
    assert isinstance(refused, Refused)
    assert (refused.name, refused.generation) == ("", 0)
    assert refused.problems
    engine.until(lambda: engine.heard)
    assert engine.heard == [Synced(())]


@pytest.mark.parametrize(
    ("changes", "name", "generation"),
    [
        ({"vrid": 300}, "web", 3),
        ({"vrid": 300, "name": 7}, "", 3),
        ({"vrid": 300, "generation": "x"}, "web", 0),
        ({"vrid": 300, "generation": 2**63}, "web", 0),
        ({"vrid": 300, "generation": -1}, "web", 0),
    ],
)
def test_a_bad_document_is_refused_by_its_name_and_generation(
    engine: Engine, changes: dict[str, object], name: str, generation: int
) -> None:
    agent = engine.agent()
    agent.hears()
    agent.says(json.dumps({"type": "apply", "document": web().to_json() | changes}).encode() + b"\n")
    refused = agent.hears()
    assert isinstance(refused, Refused)
    assert (refused.name, refused.generation) == (name, generation)
    assert any(problem.startswith("vrid: 300") for problem in refused.problems)
    assert engine.heard == []


def test_a_line_without_end_costs_its_sender_the_connection_and_nobody_else(engine: Engine) -> None:
    good, bad = engine.agent(), engine.agent()
    rest = b"x" * (MAX_LINE_BYTES + (1 << 17))

    def cut_off() -> bool:
        nonlocal rest
        try:
            rest = rest[bad.socket.send(rest) :] if rest else b""
        except BlockingIOError:
            pass
        except OSError:
            return True
        return bad.is_cut_off()

    engine.until(cut_off)
    assert good.hears() == WELCOME
    engine.socket.tell(Gone("web"))
    assert good.hears() == Gone("web")


def test_who_does_not_read_is_cut_off_and_the_others_miss_nothing(
    engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    deaf, good = engine.agent(), engine.agent()
    assert good.hears() == WELCOME
    news = Gone("x" * 100_000)
    told = MAX_UNSENT_BYTES // 100_000 + 20
    for _ in range(told):
        engine.socket.tell(news)
        assert good.hears() == news
    assert 'why="too slow a reader"' in capfd.readouterr().err
    engine.until(deaf.is_cut_off)


@pytest.mark.root
@pytest.mark.parametrize(("uid", "welcome"), [(AGENT_UID, True), (0, True), (4711, False), (AGENT_UID + 1, False)])
def test_only_root_and_the_agent_are_listened_to(engine: Engine, uid: int, welcome: bool) -> None:
    engine.path.chmod(0o666)  # only the peer's credentials are left to tell them apart
    engine.path.parent.chmod(0o755)
    folder = os.open(engine.path.parent, os.O_RDONLY)  # a way in for who may not pass through tmp_path
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        visit(f"/proc/self/fd/{folder}/{engine.path.name}", uid, writer)
    os.close(writer)
    os.close(folder)
    with os.fdopen(reader, "rb") as report:
        engine.until(lambda: select.select([report], [], [], 0)[0])
        said = report.read()
    assert os.waitpid(child, 0)[1] == 0
    assert said == (encode(WELCOME) if welcome else b"")


def visit(path: str, uid: int, writer: int) -> NoReturn:
    """In a child: connect as `uid`, and report what is heard."""
    status = 1
    try:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
            visitor.settimeout(20)
            visitor.connect(path)
            os.write(writer, visitor.recv(1000))
        status = 0
    finally:
        os._exit(status)


def test_too_many_connections_are_refused_until_one_has_left(engine: Engine) -> None:
    agents = [engine.agent() for _ in range(16)]
    for agent in agents:
        assert agent.hears() == WELCOME
    engine.until(engine.agent().is_cut_off)
    agents[0].socket.close()
    engine.loop.run_once(1)
    assert engine.agent().hears() == WELCOME


def test_a_socket_left_by_a_killed_engine_is_replaced_and_the_end_leaves_none(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    loop = Loop()
    made = AgentSocket(loop, path, list, lambda _message: None, lambda _name: False)
    assert path.stat().st_mode & 0o777 == 0o660
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        visitor.connect(str(path))
        loop.run_once(1)
        made.close()
        assert visitor.recv(10) == b""
    assert not path.exists()
    loop.close()
