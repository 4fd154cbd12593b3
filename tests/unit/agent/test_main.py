"""The whole agent as a process, between a small API server and an engine's socket. nginx_config.py has its tests in
tests/netns/test_nginx_configurator.py, where a real nginx runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.api_server import ApiServer, wait_for
from tests.unit.agent.samples import NAMESPACE, NODE, configmap, document, status
from tests.unit.threads.test_engine_client import Engine
from vipkeeper.ipc.messages import (
    AgentMessage,
    Apply,
    Remove,
    RemoveReason,
    Synced,
    Welcome,
    decode_agent_message,
    encode,
)

CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SPEAKER = f"/apis/vipkeeper.dev/v1alpha1/namespaces/{NAMESPACE}/vrrpspeakers/default.{NODE}"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/vipkeeper.default.{NODE}"
BUDGET_MIB = 45

PROGRAM = """
import sys
from vipkeeper.agent import main
from vipkeeper.agent.kube_api import ApiAccess
main.ApiAccess.in_cluster = staticmethod(lambda environment: ApiAccess(environment["TEST_API"]))
sys.exit(main.main())
"""


class Conversation:
    """The engine's end of a connection, spoken from the test."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.accept()
        self._reader = self._connection.makefile("rb")

    def say(self, *messages: Any) -> None:
        self._connection.sendall(b"".join(encode(message) for message in messages))

    def hear(self) -> AgentMessage:
        return decode_agent_message(self._reader.readline())

    def close(self) -> None:
        self._reader.close()
        self._connection.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "engine.sock")
    yield engine
    engine.close()


@pytest.fixture
def process(tmp_path: Path, server: ApiServer, engine: Engine) -> Iterator[subprocess.Popen[bytes]]:  # noqa: ARG001
    environment = {
        "NODE_NAME": NODE,
        "POD_NAME": "pod",
        "POD_NAMESPACE": NAMESPACE,
        "VIPKEEPER_PLACEMENT": "default",
        "VIPKEEPER_RUN_DIR": str(tmp_path),
        "VIPKEEPER_NGINX": "0",
        "TEST_API": server.url,
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **environment}, stderr=subprocess.PIPE
    ) as process:
        yield process
        process.kill()


def resident_mib(process: subprocess.Popen[bytes]) -> float:
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


@pytest.mark.usefixtures("process")
def test_a_document_goes_down_to_the_engine_and_a_state_up_to_the_api_server(server: ApiServer, engine: Engine) -> None:
    server.put(f"{CONFIGMAPS}/virtualip-web", configmap(document()))
    conversation = Conversation(engine)
    conversation.say(Welcome("1.2.3", NODE, "default"))
    assert conversation.hear() == Apply(document())
    conversation.say(status(state="Active"))
    assert conversation.hear() == Synced(("web",))
    wait_for(lambda: server.objects.get(SPEAKER, {}).get("status", {}).get("virtualRouters"), "the report")
    report = server.objects[SPEAKER]["status"]
    assert report["engineVersion"] == "1.2.3"
    assert report["virtualRouters"][0]["state"] == "Active"
    wait_for(lambda: LEASE in server.objects, "the Lease")
    server.delete(f"{CONFIGMAPS}/virtualip-web")
    assert conversation.hear() == Remove("web", RemoveReason.DELETED)
    conversation.close()


def test_quiet_it_writes_nothing_but_the_lease_and_stays_within_its_memory(
    server: ApiServer, engine: Engine, process: subprocess.Popen[bytes]
) -> None:
    for number in range(20):
        server.put(f"{CONFIGMAPS}/virtualip-w{number}", configmap(document(f"w{number}")))
    conversation = Conversation(engine)
    conversation.say(Welcome("1", NODE, "default"), *(status(f"w{number}") for number in range(20)))
    while not isinstance(conversation.hear(), Synced):
        pass
    wait_for(
        lambda: len(server.objects.get(SPEAKER, {}).get("status", {}).get("virtualRouters", ())) == 20, "the report"
    )
    before = len(server.writes)
    conversation.say(*(status(f"w{number}", since_ms=1100) for number in range(20)))
    time.sleep(2)  # nothing happens: there is no event to wait for
    assert [path for path, _body in server.writes[before:] if path != LEASE] == []
    assert resident_mib(process) < BUDGET_MIB
    conversation.close()


@pytest.mark.usefixtures("process")
def test_with_the_api_server_down_states_wait_and_the_newest_is_written_when_it_is_back(
    server: ApiServer, engine: Engine
) -> None:
    conversation = Conversation(engine)
    conversation.say(Welcome("1", NODE, "default"), status())
    wait_for(lambda: server.objects.get(SPEAKER, {}).get("status"), "the first report")
    server.stop()
    for state in ("Active", "Backup", "Active"):
        conversation.say(status(state=state, reason=state))
    server.start()

    def written() -> bool:
        routers = server.objects[SPEAKER]["status"]["virtualRouters"]
        return bool(routers and routers[0]["state"] == "Active")

    wait_for(written, "the newest state", limit_s=10)
    conversation.close()


def test_it_ends_within_a_second_of_sigterm(engine: Engine, process: subprocess.Popen[bytes]) -> None:
    conversation = Conversation(engine)
    conversation.say(Welcome("1", NODE, "default"))
    assert isinstance(conversation.hear(), Synced)
    process.send_signal(signal.SIGTERM)
    began_s = time.monotonic()
    assert process.wait(timeout=20) == 0
    assert time.monotonic() - began_s < 5  # 1 on a machine with nothing else to do
    conversation.close()


def test_a_missing_variable_is_named_and_the_process_ends() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "vipkeeper.agent"],
        env={key: text for key, text in os.environ.items() if key != "NODE_NAME"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert "NODE_NAME" in ended.stderr


def test_it_loads_neither_kopf_nor_the_models_of_the_kubernetes_package() -> None:
    program = "import json, sys, vipkeeper.agent.main; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout)
    assert not {"kopf", "kubernetes", "pyroute2", "asyncio"} & set(loaded)
