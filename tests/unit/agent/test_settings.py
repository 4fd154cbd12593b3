from __future__ import annotations

from pathlib import Path

import pytest

from vipkeeper.agent.settings import Settings

ENVIRONMENT = {
    "NODE_NAME": "worker1",
    "POD_NAME": "speaker-x",
    "POD_NAMESPACE": "vipkeeper-system",
    "VIPKEEPER_PLACEMENT": "default",
    "VIPKEEPER_RUN_DIR": "/tmp/run",
    "VIPKEEPER_READINESS_PORT": "9901",
}


def test_everything_comes_from_the_environment() -> None:
    settings = Settings.from_environment(ENVIRONMENT)
    assert settings == Settings("worker1", "speaker-x", "vipkeeper-system", "default", Path("/tmp/run"), 9901)
    assert settings.engine_socket == Path("/tmp/run/engine.sock")


def test_an_installation_without_nginx_needs_no_port() -> None:
    environment = {key: text for key, text in ENVIRONMENT.items() if key != "VIPKEEPER_READINESS_PORT"}
    assert Settings.from_environment(environment | {"VIPKEEPER_NGINX": "0"}).readiness_port is None


def test_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(
        ValueError, match="NODE_NAME, POD_NAME, POD_NAMESPACE, VIPKEEPER_PLACEMENT, VIPKEEPER_READINESS_PORT"
    ):
        Settings.from_environment({})
