from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit.agent.api_server import ApiServer, wait_for
from tests.unit.agent.samples import NAMESPACE, NODE
from vipkeeper.agent import speaker_writer
from vipkeeper.agent.kube_api import KubeApi
from vipkeeper.agent.settings import Settings
from vipkeeper.agent.speaker_writer import SpeakerWriter

SETTINGS = Settings(NODE, "pod", NAMESPACE, "default")
PATH = f"/apis/vipkeeper.dev/v1alpha1/namespaces/{NAMESPACE}/vrrpspeakers/default.{NODE}"


def stored(server: ApiServer) -> Any:
    return server.objects.get(PATH, {}).get("status")


def test_the_object_is_made_with_its_spec_and_label_and_then_its_status(server: ApiServer, api: KubeApi) -> None:
    SpeakerWriter(api, SETTINGS).want({"engineVersion": "1"})
    wait_for(lambda: stored(server) == {"engineVersion": "1"}, "the status")
    made, reported = server.writes
    assert made[0] == PATH
    assert made[1]["spec"] == {"nodeName": NODE, "placement": "default"}
    assert made[1]["metadata"]["labels"]["vipkeeper.dev/placement"] == "default"
    assert "status" not in made[1]
    assert reported[0] == f"{PATH}/status"
    assert "spec" not in reported[1]


def test_many_changes_at_once_are_one_write_and_no_change_is_none(server: ApiServer, api: KubeApi) -> None:
    writer = SpeakerWriter(api, SETTINGS)
    for number in range(100):
        writer.want({"engineVersion": str(number)})
    wait_for(lambda: stored(server) == {"engineVersion": "99"}, "the newest status")
    count = len(server.writes)
    assert count <= 6
    writer.want({"engineVersion": "99"})
    writer.want({"engineVersion": "100"})
    wait_for(lambda: stored(server) == {"engineVersion": "100"}, "the next status")
    assert len(server.writes) == count + 1


def test_the_newest_state_is_written_as_soon_as_the_api_server_is_back(server: ApiServer, api: KubeApi) -> None:
    server.stop()
    writer = SpeakerWriter(api, SETTINGS)
    for number in range(3):
        writer.want({"engineVersion": str(number)})
        time.sleep(0.2)
    server.start()
    wait_for(lambda: stored(server) == {"engineVersion": "2"}, "the newest status", limit_s=10)
    assert [body["status"] for path, body in server.writes if path.endswith("/status")] == [{"engineVersion": "2"}]


def test_an_object_that_somebody_deleted_is_made_again(
    server: ApiServer, api: KubeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker_writer, "CHECK_S", 0.2)
    SpeakerWriter(api, SETTINGS).want({"engineVersion": "1"})
    wait_for(lambda: stored(server) == {"engineVersion": "1"}, "the status")
    wait_for(lambda: server.count("GET", PATH) >= 2, "two looks")
    assert len(server.writes) == 2
    server.delete(PATH)
    wait_for(lambda: stored(server) == {"engineVersion": "1"}, "the status again")
