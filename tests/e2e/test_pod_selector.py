"""`spec.health.podSelector` with real pods, and `onFailure` with real agents: who holds the address, pod by pod."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster.project_images import NGINX
from tests.e2e.conftest import MakeVip
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import Vip
from tests.e2e.support.waiting import wait_until

LABELS = {"e2e": "followed"}
SELECTOR = {"namespace": "default", "matchLabels": LABELS}
SOON_S = 40.0


@pytest.fixture(autouse=True)
def _no_pods_are_left(lab: Lab) -> Iterator[None]:
    yield
    lab.cluster.kubectl("delete", "pods", "-n", "default", "-l", "e2e=followed", "--grace-period=1", "--wait=true")


def _pod(lab: Lab, node: str) -> str:
    """One that is ready as long as it has a file."""
    name = f"e2e-followed-{node}"
    ready = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    container = {
        "name": "main",
        "image": NGINX,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "touch /tmp/ready; exec sleep 3600"],
        "readinessProbe": ready,
    }
    spec = {"nodeName": node, "containers": [container], "terminationGracePeriodSeconds": 1}
    metadata = {"name": name, "namespace": "default", "labels": LABELS}
    lab.cluster.apply(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
    return name


def _health(vip: Vip) -> dict[str, str]:
    return {node["name"]: node["health"] for node in vip.status.get("nodes", [])}


def test_the_address_follows_the_pods_and_goes_with_the_last_one(lab: Lab, vip: MakeVip) -> None:
    one, two = lab.workers[:2]
    followed = vip({"health": {"podSelector": SELECTOR, "onFailure": "Release"}})
    wait_until("no node has one", lambda: set(_health(followed).values()) == {"PodsNotReady"}, SOON_S)
    assert not lab.owners.owners(followed.address)
    first = _pod(lab, one)
    lab.owners.wait_for(followed.address, [one], SOON_S)
    second = _pod(lab, two)
    wait_until("both have one", lambda: [_health(followed).get(node) for node in (one, two)] == ["Healthy"] * 2, SOON_S)
    holder = lab.owners.wait_for_one(followed.address, [one, two], SOON_S)
    other, its_pod, other_pod = (two, first, second) if holder == one else (one, second, first)
    lab.cluster.kubectl("delete", "pod", "-n", "default", its_pod)
    lab.owners.wait_for(followed.address, [other], SOON_S)
    lab.cluster.kubectl("exec", "-n", "default", other_pod, "--", "rm", "/tmp/ready")
    lab.owners.wait_for(followed.address, [], SOON_S)
    followed.patch({"health": {"onFailure": "Yield"}})
    lab.owners.wait_for_one(followed.address, lab.workers, SOON_S)
    lab.cluster.kubectl("exec", "-n", "default", other_pod, "--", "touch", "/tmp/ready")
    lab.owners.wait_for(followed.address, [other], SOON_S)
    wait_until("it is told", lambda: _health(followed).get(other) == "Healthy", SOON_S)
