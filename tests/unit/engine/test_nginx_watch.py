"""nginx's unix socket, watched. (With a whole speaker: tests/netns/test_nginx_watch.py.)"""

import errno
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vipkeeper.engine.loop import Loop
from vipkeeper.engine.nginx_watch import NginxWatch


class Nginx:
    """Somebody who listens, as far as the watch can tell."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener: socket.socket | None = None

    def live(self, backlog: int = 8) -> None:
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(backlog)

    def accept(self) -> socket.socket:
        assert self._listener is not None
        return self._listener.accept()[0]

    def die(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None


class Scene:
    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.nginx = Nginx(folder / "status.sock")
        self.changes: list[bool] = []
        self.watch = NginxWatch(self.loop, self.nginx.path, lambda: self.changes.append(self.watch.healthy))

    def until(self, happened: Callable[[], object], limit_s: float = 10) -> None:
        deadline = time.monotonic() + limit_s
        while not happened():
            assert time.monotonic() < deadline
            self.loop.run_once(0.02)

    def for_a_while(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.loop.run_once(0.01)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.watch.close()
    made.nginx.die()
    made.loop.close()


def start(scene: Scene) -> None:
    scene.watch.start(time.monotonic_ns())


def test_the_first_verdict_stands_at_once(scene: Scene) -> None:
    scene.nginx.live()
    start(scene)
    assert scene.watch.healthy
    scene.for_a_while(0.3)
    assert scene.changes == []


def test_without_nginx_the_first_verdict_is_ill_and_it_gets_well_later(scene: Scene) -> None:
    start(scene)
    assert not scene.watch.healthy
    scene.nginx.live()
    scene.until(lambda: scene.changes)
    assert scene.changes == [True]


def test_death_is_seen_in_milliseconds_and_return_when_a_connection_has_stayed(scene: Scene) -> None:
    scene.nginx.live()
    start(scene)
    connection = scene.nginx.accept()
    scene.nginx.die()
    connection.close()
    died_ns = time.monotonic_ns()
    scene.until(lambda: scene.changes)
    assert scene.changes == [False]
    assert time.monotonic_ns() - died_ns < 1_000_000_000
    scene.nginx.live()
    back_ns = time.monotonic_ns()
    scene.until(lambda: len(scene.changes) == 2)
    assert scene.changes == [False, True]
    assert time.monotonic_ns() - back_ns >= 100_000_000


def test_a_connection_that_is_closed_is_replaced_and_no_word_is_said(scene: Scene) -> None:
    scene.nginx.live()
    start(scene)
    for _ in range(5):
        scene.nginx.accept().close()
        scene.for_a_while(0.02)
    scene.for_a_while(0.2)
    assert scene.changes == []
    assert scene.watch.healthy


def test_one_that_accepts_and_closes_for_ever_does_not_keep_us_busy(scene: Scene) -> None:
    scene.nginx.live(backlog=128)
    start(scene)
    accepted = 0
    deadline = time.monotonic() + 0.5
    assert scene.nginx._listener is not None
    scene.nginx._listener.setblocking(False)
    while time.monotonic() < deadline:
        try:
            scene.nginx.accept().close()
            accepted += 1
        except BlockingIOError:
            pass
        scene.loop.run_once(0.001)
    assert accepted < 60
    assert scene.watch.healthy


def test_a_full_queue_is_not_death(scene: Scene) -> None:
    scene.nginx.live(backlog=0)
    crowd = []
    while True:
        visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        crowd.append(visitor)
        visitor.setblocking(False)
        if visitor.connect_ex(str(scene.nginx.path)) == errno.EAGAIN:
            break
    start(scene)
    scene.for_a_while(0.1)
    assert scene.changes == []
    for _visitor in crowd[:-1]:
        scene.nginx.accept().close()
    scene.until(lambda: scene.watch.healthy)
    for visitor in crowd:
        visitor.close()


def test_a_queue_that_is_full_when_the_connection_breaks_is_not_death_either(scene: Scene) -> None:
    scene.nginx.live(backlog=0)
    start(scene)
    connection = scene.nginx.accept()
    crowd = []
    while True:
        visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        crowd.append(visitor)
        visitor.setblocking(False)
        if visitor.connect_ex(str(scene.nginx.path)) == errno.EAGAIN:
            break
    connection.close()
    scene.for_a_while(0.3)
    assert scene.watch.healthy
    for _visitor in crowd[:-1]:
        scene.nginx.accept().close()
    for visitor in crowd:
        visitor.close()
    scene.for_a_while(0.3)
    scene.nginx.accept().close()  # it has come back by itself
    assert scene.changes == []


def test_a_watch_that_is_ended_says_nothing_and_may_be_started_again(scene: Scene) -> None:
    scene.nginx.live()
    start(scene)
    connection = scene.nginx.accept()
    start(scene)  # goes on with the connection that it has
    scene.watch.close()
    assert connection.recv(1) == b""
    connection.close()
    scene.nginx.die()
    scene.for_a_while(0.3)
    assert scene.changes == []
    scene.nginx.live()
    start(scene)
    assert scene.watch.healthy
    scene.nginx.accept().close()
