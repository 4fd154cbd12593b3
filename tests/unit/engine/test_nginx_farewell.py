"""Idle connections before a planned move. (With a real nginx: tests/netns/test_in_flight.py.)"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from vipkeeper.engine.loop import Loop
from vipkeeper.engine.nginx_farewell import CLOSE_IDLE, LIMIT_MS, NginxFarewell, gives_way, is_emptied
from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import NginxSection


class Nginx:
    """Answers on its status socket; closes all connections when it is told to, if it does."""

    def __init__(self, folder: Path, obeys: bool) -> None:
        self.told = b""
        self._obeys = obeys
        os.mkfifo(folder / "reload")
        self._fifo = os.open(folder / "reload", os.O_RDWR)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "status.sock"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        self.told = os.read(self._fifo, 100)
        self._connection = connection
        if self._obeys:
            time.sleep(0.1)
            connection.close()

    def close(self) -> None:
        self._thread.join()
        self._connection.close()
        self._listener.close()
        os.close(self._fifo)


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def waited_s(loop: Loop, folder: Path) -> float:
    began_s = time.monotonic()
    NginxFarewell(loop, folder / "status.sock").wait()
    return time.monotonic() - began_s


def test_it_is_over_when_nginx_closes_what_is_idle(loop: Loop, tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, obeys=True)
    assert 0.1 <= waited_s(loop, tmp_path) < LIMIT_MS / 1000
    assert nginx.told == CLOSE_IDLE
    nginx.close()


def test_an_nginx_that_does_nothing_is_waited_for_no_longer_than_the_limit(loop: Loop, tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, obeys=False)
    assert LIMIT_MS / 1000 <= waited_s(loop, tmp_path) < 3
    nginx.close()


def test_without_an_nginx_nothing_is_waited_for(loop: Loop, tmp_path: Path) -> None:
    assert waited_s(loop, tmp_path) < 0.1
    os.mkfifo(tmp_path / "reload")
    assert waited_s(loop, tmp_path) < 0.1
    assert not NginxFarewell(loop, tmp_path / "status.sock").ask(), "nobody reads"


def test_several_that_wait_ask_once(loop: Loop, tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, obeys=True)
    farewell = NginxFarewell(loop, tmp_path / "status.sock")
    done: list[str] = []
    farewell.then(lambda: done.append("one"))
    farewell.then(lambda: done.append("two"))
    assert done == []
    farewell.wait()
    assert done == ["one", "two"]
    assert nginx.told == CLOSE_IDLE
    nginx.close()


def document(*order: str) -> RenderedVirtualIP:
    nodes = {name: NodeShare(200 - rank, rank) for rank, name in enumerate(order)}
    address = RenderedAddress(ip_address("192.0.2.10"))
    return RenderedVirtualIP(
        name="web",
        uid="uid",
        generation=1,
        placement="default",
        vrid=51,
        advertisement_interval_cs=25,
        preempt=True,
        addresses=(address,),
        interface=None,
        nodes=nodes,
        nginx=NginxSection(),
    )


def test_who_is_preferred_no_more_gives_way() -> None:
    assert gives_way(document("one", "two"), document("two", "one"), "one")
    assert not gives_way(document("one", "two"), document("two", "one"), "two")
    assert not gives_way(document("one", "two"), document("one", "two"), "one")
    assert not gives_way(document("two", "one"), document("two", "one"), "one"), "it was so before"
    assert not gives_way(document("one", "two"), document("two"), "one"), "it leaves, and does so at once"


def test_without_preemption_or_nginx_nobody_gives_way() -> None:
    for change in ({"preempt": False}, {"nginx": None}):
        assert not gives_way(document("one", "two"), replace(document("two", "one"), **change), "one")


def test_a_node_that_is_drained_is_emptied_once() -> None:
    before = document("one", "two")
    drained = replace(before, nodes=before.nodes | {"one": replace(before.nodes["one"], leaving="Draining")})
    assert is_emptied(before, drained, "one")
    assert not is_emptied(drained, drained, "one")
    assert not is_emptied(before, drained, "two")
    assert not is_emptied(before, replace(drained, nginx=None), "one")
