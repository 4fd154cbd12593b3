from __future__ import annotations

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
