from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.agent.api_server import ApiServer, wait_for
from tests.unit.agent.samples import NAMESPACE, NODE
from vipkeeper.agent import lease as lease_module
from vipkeeper.agent.kube_api import KubeApi
from vipkeeper.agent.lease import lease, start_lease
from vipkeeper.agent.settings import Settings

SETTINGS = Settings(NODE, "pod", NAMESPACE, "default")
PATH = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/vipkeeper.default.{NODE}"


def test_a_lease_says_who_and_when_and_for_how_long() -> None:
    made = lease(SETTINGS, datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    assert made["metadata"]["labels"]["vipkeeper.dev/placement"] == "default"
    assert made["spec"] == {
        "holderIdentity": "pod",
        "leaseDurationSeconds": 40,
        "renewTime": "2026-01-02T03:04:05.678901Z",
    }


def test_it_is_renewed_again_and_again_and_after_an_outage(
    server: ApiServer, api: KubeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "LEASE_RENEW_S", 0.05)
    monkeypatch.setattr(lease_module, "RETRY_S", 0.05)
    start_lease(api, SETTINGS)
    wait_for(lambda: server.count("PATCH", PATH) >= 3, "three renewals")
    server.stop()
    before = server.count("PATCH", PATH)
    server.start()
    wait_for(lambda: server.count("PATCH", PATH) > before, "a renewal after the outage")
    server.refuse[PATH] = 500  # this thread outlives the test
