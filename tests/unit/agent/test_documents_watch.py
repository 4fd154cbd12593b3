from __future__ import annotations

import queue
from typing import TypeAlias

import pytest

from tests.unit.agent.api_server import ApiServer, wait_for
from tests.unit.agent.samples import NAMESPACE, NODE, configmap, document
from vipkeeper.agent import documents_watch
from vipkeeper.agent.documents import Whereabouts
from vipkeeper.agent.documents_watch import LookUps, watch_documents
from vipkeeper.agent.kube_api import KubeApi
from vipkeeper.agent.kube_watch import Deleted, Listed, WatchEvent
from vipkeeper.agent.settings import Settings

PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SETTINGS = Settings(NODE, "pod", NAMESPACE, "default")

Answers: TypeAlias = "queue.SimpleQueue[tuple[str, Whereabouts]]"


@pytest.fixture
def answers() -> Answers:
    return queue.SimpleQueue()


def test_a_document_that_moves_leaves_the_watch_of_its_placement_and_is_found_in_the_other(
    server: ApiServer, api: KubeApi, answers: Answers
) -> None:
    server.put(f"{PATH}/virtualip-web", configmap(document()))
    told: queue.SimpleQueue[WatchEvent] = queue.SimpleQueue()
    watch = watch_documents(api, SETTINGS, told.put)
    listed = told.get(timeout=10)
    assert isinstance(listed, Listed)
    assert len(listed.items) == 1
    server.put(f"{PATH}/virtualip-web", configmap(document(placement="p-12345678")))
    assert isinstance(told.get(timeout=10), Deleted)
    LookUps(api, SETTINGS, lambda name, where: answers.put((name, where))).ask("web")
    assert answers.get(timeout=10) == ("web", Whereabouts.MOVED)
    watch.stop()


def test_nothing_is_decided_while_the_api_server_is_away(
    server: ApiServer, api: KubeApi, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents_watch, "RETRY_S", 0.05)
    server.refuse[f"{PATH}/virtualip-web"] = 500
    LookUps(api, SETTINGS, lambda name, where: answers.put((name, where))).ask("web")
    wait_for(lambda: server.count("GET", f"{PATH}/virtualip-web") >= 3, "three attempts")
    assert answers.empty()
    del server.refuse[f"{PATH}/virtualip-web"]
    assert answers.get(timeout=10) == ("web", Whereabouts.DELETED)
