"""`kubectl cordon` and `kubectl drain` of the Active node, with each `drainPolicy`: who goes, who stays, who comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.project_images import NGINX
from tests.e2e.conftest import Figure, MakeVip
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import HANDOVER_MS
from tests.e2e.support.virtualips import Vip, prefer
from tests.e2e.support.waiting import wait_until

VICTIM = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: victim, namespace: default}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: victim}}}}
  template:
    metadata: {{labels: {{app: victim}}}}
    spec:
      terminationGracePeriodSeconds: 1
      nodeSelector: {{kubernetes.io/hostname: {node}}}
      containers:
      - name: sleep
        image: {image}
        imagePullPolicy: IfNotPresent
        command: [sh, -c, "trap exit TERM; while :; do sleep 1; done"]
"""
"""It may run on that node only, and goes within a second when it is evicted."""
STILL_S = 5.0


@pytest.fixture
def node(lab: Lab) -> Iterator[str]:
    """With a pod that can be evicted; schedulable again at the end."""
    name = lab.workers[0]
    victim = VICTIM.format(node=name, image=NGINX)
    lab.cluster.apply(victim)
    try:
        lab.cluster.kubectl("rollout", "status", "deployment/victim", "-n", "default", "--timeout=90s", timeout_s=120)
        yield name
    finally:
        lab.cluster.kubectl("uncordon", name)
        lab.cluster.delete(victim, "--wait=false")


def health(vip: Vip, node: str) -> str:
    return next((str(item["health"]) for item in vip.status.get("nodes", []) if item["name"] == node), "")


def test_a_cordon_a_drain_and_the_way_back(lab: Lab, vip: MakeVip, node: str, figure: Figure) -> None:
    spec = {"nodes": {"priorities": prefer(*lab.workers)}}
    on_drain = vip({"vrid": 105, **spec})
    on_cordon = vip({"vrid": 106, "drainPolicy": "OnCordon", **spec})
    ignore = vip({"vrid": 107, "drainPolicy": "Ignore", **spec})
    for item in (on_drain, on_cordon, ignore):
        item.wait_for("Ready")
        lab.settle(item, node, http_port=None)

    with lab.observed(on_cordon, http_port=None, ping_interval_ms=1.0) as seen:
        lab.cluster.kubectl("cordon", node)
        lab.settle(on_cordon, lab.workers[1], http_port=None)
    figure("node cordoned (OnCordon), a ping each ms: longest loss", seen.ping_loss_ms, HANDOVER_MS, seen)
    assert seen.no_owner_ms() <= HANDOVER_MS, seen.story()
    wait_until("it says why", lambda: health(on_cordon, node) == "Cordoned", 30)
    for item in (on_drain, ignore):
        lab.stays_with(item, node, STILL_S)

    with lab.observed(on_drain, http_port=None, ping_interval_ms=1.0) as seen:
        lab.cluster.kubectl("drain", node, "--ignore-daemonsets", "--pod-selector=app=victim", "--timeout=60s")
        lab.settle(on_drain, lab.workers[1], http_port=None)
    figure("node drained (OnDrain), a ping each ms: longest loss", seen.ping_loss_ms, HANDOVER_MS, seen)
    assert seen.no_owner_ms() <= HANDOVER_MS, seen.story()
    wait_until("it says why", lambda: health(on_drain, node) == "Draining", 30)
    lab.stays_with(ignore, node, STILL_S)
    lab.stays_with(on_drain, lab.workers[1], 1)

    lab.cluster.kubectl("uncordon", node)
    for item in (on_drain, on_cordon):
        lab.settle(item, node, http_port=None)
        wait_until("it is well again", lambda item=item: health(item, node) == "Healthy", 30)  # type: ignore[misc]
