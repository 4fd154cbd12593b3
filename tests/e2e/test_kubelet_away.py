"""A kubelet that stays away until its node is NotReady takes no address from a node that serves. (One that restarts:
test_process_failure.py.)"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import BLUE, temporary_vip
from tests.e2e.support import kube
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import Vip, http_of, prefer
from tests.e2e.support.waiting import wait_until

NOT_READY_S = 120.0
"""The node controller's patience is 40 to 50 s."""


@pytest.fixture(scope="module")
def web(lab: Lab) -> Iterator[Vip]:
    spec = {"nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}
    with temporary_vip(lab, spec) as vip:
        vip.wait_for("Ready")
        kube.wait_for_pods(lab.cluster)
        yield vip


@pytest.fixture
def node(lab: Lab, web: Vip) -> Iterator[str]:
    """It holds the address. Its kubelet runs again afterwards."""
    lab.settle(web, lab.workers[0])
    yield lab.workers[0]
    lab.cluster.kubelet_start(lab.workers[0])
    wait_until("the node is Ready", lambda: _ready(lab, lab.workers[0]) == "True", NOT_READY_S)


def _ready(lab: Lab, node: str) -> str:
    conditions = kube.get(lab.cluster, "node", node)["status"]["conditions"]
    return next(str(item["status"]) for item in conditions if item["type"] == "Ready")


def test_a_node_that_is_not_ready_goes_on_serving(lab: Lab, web: Vip, node: str) -> None:
    since_ns = time.monotonic_ns()
    lab.cluster.kubelet_stop(node)
    wait_until("the node is not Ready", lambda: _ready(lab, node) == "Unknown", NOT_READY_S)
    lab.stays_with(web, node, 10)
    assert lab.http_answer(web.address)
    assert not [change for change in lab.owners.changes(since_ns) if change.address == web.address]
