"""operator/vipkeeper/engine/open_connection.py, against real servers. (Its unix half: test_nginx_watch.py.)"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from vipkeeper.engine import open_connection
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.open_connection import OpenConnection


class Server:
    """Listens on loopback; accepts when it is told to."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.family = family
        self.host = "127.0.0.1" if family == socket.AF_INET else "::1"
        self.port = 0
        self._open: list[socket.socket] = []
        self.live()

    def live(self, backlog: int = 64) -> None:
        self._listener = socket.socket(self.family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen(backlog)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]

    def accept(self) -> socket.socket | None:
        with suppress(BlockingIOError):
            connection = self._listener.accept()[0]
            self._open.append(connection)
            return connection
        return None

    def die(self) -> None:
        """All at once, as the kernel does it for a process that was killed."""
        self._listener.close()
        for connection in self._open:
            connection.close()
        self._open.clear()


class Scene:
    def __init__(self) -> None:
        self.loop = Loop()
        self.server = Server()
        self.changes: list[str] = []
        self.watch: OpenConnection | None = None

    def start(self, slowest_retry_ms: int = 200) -> OpenConnection:
        where = (self.server.host, self.server.port)
        self.watch = OpenConnection(self.loop, where, self.changes.append, slowest_retry_ms)
        self.watch.start(time.monotonic_ns())
        return self.watch

    def until(self, happened: Callable[[], object], limit_s: float = 10) -> None:
        deadline = time.monotonic() + limit_s
        while not happened():
            assert time.monotonic() < deadline
            self.loop.run_once(0.02)

    def for_a_while(self, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            meanwhile()
            self.loop.run_once(0.005)

    def close(self) -> None:
        if self.watch is not None:
            self.watch.close()
        self.server.die()
        self.loop.close()


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    made = Scene()
    made.server.die()
    made.server = Server(request.param)
    yield made
    made.close()


def test_a_server_that_is_killed_is_dead_at_once_and_back_after_a_moment(scene: Scene) -> None:
    watch = scene.start()
    scene.until(lambda: watch.alive)
    scene.until(scene.server.accept)
    scene.server.die()
    died_ns = time.monotonic_ns()
    scene.until(lambda: scene.changes)
    assert scene.changes == ["ECONNREFUSED"]
    assert time.monotonic_ns() - died_ns < 500_000_000
    scene.server.live()
    back_ns = time.monotonic_ns()
    scene.until(lambda: len(scene.changes) == 2)
    assert watch.alive
    assert watch.back_since_ns is not None
    assert watch.back_since_ns - back_ns >= 100_000_000


def test_a_connection_that_was_still_in_the_queue_of_the_server_that_died_costs_no_wait(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks of ours it was made and reset: that is an end, after which the next one is refused."""
    monkeypatch.setattr(open_connection, "RETRY_MS", 3_600_000)
    watch = scene.start()
    scene.server.die()
    scene.until(lambda: watch.alive is False)


def test_a_connection_that_ends_between_two_looks_is_made_anew(scene: Scene) -> None:
    """The kernel has no error to tell, and no peer any more; here because the server has not answered yet."""
    scene.server.die()
    scene.server.live(backlog=0)
    crowd = [socket.socket(scene.server.family) for _ in range(4)]
    for visitor in crowd:
        visitor.setblocking(False)
        visitor.connect_ex((scene.server.host, scene.server.port))
    watch = scene.start()
    watch._ready(time.monotonic_ns())
    assert (watch.alive, scene.changes) == (None, [])
    for _visitor in crowd:
        scene.server.accept()
    scene.until(lambda: watch.alive)
    for visitor in crowd:
        visitor.close()


def test_one_that_was_never_there_is_dead_and_the_first_word_is_said(scene: Scene) -> None:
    scene.server.die()
    watch = scene.start()
    scene.until(lambda: watch.alive is False)
    assert scene.changes == ["ECONNREFUSED"]


def test_a_server_that_closes_each_connection_is_not_dead_and_is_left_alone_more_and_more(scene: Scene) -> None:
    watch = scene.start(slowest_retry_ms=1000)
    count = 0

    def close_it() -> None:
        nonlocal count
        connection = scene.server.accept()
        if connection is not None:
            connection.close()
            count += 1

    scene.for_a_while(1.0, close_it)
    assert (watch.alive, scene.changes) == (True, [])
    assert 10 < count < 40
    scene.server.die()
    scene.until(lambda: watch.alive is False)


def test_one_that_closes_each_connection_can_come_back_too(scene: Scene) -> None:
    scene.server.die()
    watch = scene.start()
    scene.until(lambda: watch.alive is False)
    scene.server.live()

    def closed_and_alive() -> bool | None:
        connection = scene.server.accept()
        if connection is not None:
            connection.close()
        return watch.alive

    scene.until(closed_and_alive)


def test_a_server_that_speaks_first_and_without_end_does_not_keep_us_busy(scene: Scene) -> None:
    watch = scene.start()
    connections: list[socket.socket] = []

    def talk() -> None:
        connection = scene.server.accept()
        if connection is not None:
            connection.setblocking(False)
            connections.append(connection)
        for connection in connections:
            with suppress(OSError):
                connection.send(bytes(65536))

    scene.for_a_while(1.0, talk)
    assert (watch.alive, scene.changes) == (True, [])
    assert len(connections) < 60


def test_a_server_that_does_not_accept_is_not_dead(scene: Scene) -> None:
    """Its queue is full: the kernel drops our SYN."""
    scene.server.die()
    scene.server.live(backlog=0)
    crowd = [socket.socket(scene.server.family) for _ in range(4)]
    for visitor in crowd:
        visitor.setblocking(False)
        visitor.connect_ex((scene.server.host, scene.server.port))
    watch = scene.start()
    scene.for_a_while(1.5)
    assert (watch.alive, scene.changes) == (None, [])
    for _visitor in crowd:
        scene.server.accept()
    scene.until(lambda: watch.alive)
    for visitor in crowd:
        visitor.close()


def test_our_own_want_of_descriptors_says_nothing_about_the_server(scene: Scene) -> None:
    watch = scene.start()
    scene.until(lambda: watch.alive)
    scene.until(scene.server.accept)
    connection = scene.server._open.pop()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hogs: list[socket.socket] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (connection.fileno() + 8, hard))
        with suppress(OSError):
            while True:
                hogs.append(socket.socket())
        connection.close()  # it frees one, which our own closing gives back and takes again
        hogs.append(socket.socket())
        began_s = time.process_time()
        scene.for_a_while(0.5)
        assert (watch.alive, scene.changes) == (True, [])
        assert time.process_time() - began_s < 0.25
    finally:
        for hog in hogs:
            hog.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    scene.server.die()
    scene.until(lambda: watch.alive is False)
