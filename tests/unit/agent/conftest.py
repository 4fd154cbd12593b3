from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.unit.agent.api_server import ApiServer
from vipkeeper.agent.kube_api import ApiAccess, KubeApi


@pytest.fixture
def server() -> Iterator[ApiServer]:
    api_server = ApiServer()
    yield api_server
    api_server.silent = False
    if api_server.running:
        api_server.stop()


@pytest.fixture
def api(server: ApiServer) -> KubeApi:
    return KubeApi(ApiAccess(server.url))


@pytest.fixture(autouse=True)
def _no_watch_is_left() -> Iterator[None]:
    """A watch that outlives its test goes on looking for its server, and disturbs those that come after it."""
    before = set(threading.enumerate())
    yield
    deadline_s = time.monotonic() + 20
    while left := [
        thread.name for thread in threading.enumerate() if thread not in before and thread.name.startswith("watch ")
    ]:
        assert time.monotonic() < deadline_s, f"watches are left: {left}"
        time.sleep(0.02)
