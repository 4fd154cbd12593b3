from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.nginx.status_server import status_server
from vipkeeper.nginx import unix_http


def test_status_and_body_come_over_the_socket(tmp_path: Path) -> None:
    with status_server(tmp_path / "s") as server:
        server.status, server.body = 404, "not here\n"
        assert unix_http.get(tmp_path / "s", "/x", 5) == (404, "not here")


def test_a_server_that_says_nothing_is_given_up_in_time(tmp_path: Path) -> None:
    with status_server(tmp_path / "s") as server:
        server.silent = True
        began_s = time.monotonic()
        with pytest.raises(TimeoutError):
            unix_http.get(tmp_path / "s", "/x", 0.2)
        assert time.monotonic() - began_s < 5


def test_no_socket_and_a_stale_socket_are_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        unix_http.get(tmp_path / "s", "/x", 1)
