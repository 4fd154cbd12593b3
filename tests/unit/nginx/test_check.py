from __future__ import annotations

import queue
import socket
from pathlib import Path

from tests.unit.nginx.status_server import status_server
from vipkeeper.nginx.check import check, start_nginx_check


def test_an_answer_is_good_and_another_status_or_silence_or_no_socket_is_bad(tmp_path: Path) -> None:
    with status_server(tmp_path / "s") as server:
        assert check(tmp_path / "s") == (True, "GET /healthz: 200")
        server.status = 503
        assert check(tmp_path / "s") == (False, "GET /healthz: 503")
        server.silent = True
        assert check(tmp_path / "s", timeout_s=0.1)[0] is False
    assert check(tmp_path / "s")[0] is False


def test_a_full_backlog_is_no_verdict(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        waiting = []
        while True:
            connection = socket.socket(socket.AF_UNIX)
            connection.setblocking(False)
            waiting.append(connection)
            try:
                connection.connect(str(tmp_path / "s"))
            except BlockingIOError:
                break
        ok, _why = check(tmp_path / "s", timeout_s=0.2)
        for connection in waiting:
            connection.close()
    assert ok is not True


def test_only_changes_of_the_verdict_are_told(tmp_path: Path) -> None:
    told: queue.SimpleQueue[tuple[bool, str]] = queue.SimpleQueue()
    with status_server(tmp_path / "s") as server:
        start_nginx_check(tmp_path / "s", lambda ok, why: told.put((ok, why)), interval_s=0.02)
        assert told.get(timeout=10) == (True, "GET /healthz: 200")
        server.status = 500
        assert told.get(timeout=10) == (False, "GET /healthz: 500")
        server.status = 200
        assert told.get(timeout=10) == (True, "GET /healthz: 200")
