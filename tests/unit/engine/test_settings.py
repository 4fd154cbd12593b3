"""The environment of the speaker."""

from pathlib import Path

import pytest

from vipkeeper.engine.settings import MissingSetting, read_settings

FULL = {
    "NODE_NAME": "one",
    "VIPKEEPER_PLACEMENT": "default",
    "VIPKEEPER_RUN_DIR": "/run/vipkeeper",
    "VIPKEEPER_STATE_DIR": "/var/lib/vipkeeper",
}


def test_everything_has_its_place() -> None:
    settings = read_settings(FULL | {"VIPKEEPER_PROC_SYS_NET": "/host/proc-sys-net"})
    assert settings.engine_socket == Path("/run/vipkeeper/engine.sock")
    assert settings.nginx_socket == Path("/run/vipkeeper/nginx/status.sock")
    assert settings.documents_dir == Path("/var/lib/vipkeeper/documents")
    assert settings.proc_sys_net == Path("/host/proc-sys-net")
    assert settings.nginx


def test_an_installation_may_go_without_nginx() -> None:
    assert not read_settings(FULL | {"VIPKEEPER_NGINX": "0"}).nginx
    assert read_settings(FULL).proc_sys_net == Path("/proc/sys/net")


def test_only_a_run_names_a_parent() -> None:
    assert read_settings(FULL).parent is None
    assert read_settings(FULL | {"VIPKEEPER_PARENT": "7"}).parent == 7


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_each_that_is_missing_is_named(name: str, how: str) -> None:
    environment = {key: value for key, value in FULL.items() if key != name} | ({name: ""} if how == "empty" else {})
    with pytest.raises(MissingSetting) as caught:
        read_settings(environment)
    assert str(caught.value) == f"not set in the environment: {name}"


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(MissingSetting, match="NODE_NAME, VIPKEEPER_STATE_DIR"):
        read_settings(
            {name: value for name, value in FULL.items() if name[:4] not in ("NODE",) and "STATE" not in name}
        )
