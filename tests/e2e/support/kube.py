"""What the tests read from the API, by kubectl: a few lines each, all answers as JSON values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.cluster import Cluster
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.waiting import wait_until

SPEAKER_PODS = "app.kubernetes.io/component=speaker"
PLACEMENT = "vipkeeper.dev/placement"


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    uid: str
    node: str
    placement: str
    ready: bool
    leaving: bool
    restarts: dict[str, int]
    """By container."""


def get(cluster: Cluster, *arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(cluster.kubectl("get", *arguments, "-o", "json"))
    return answer


def find(cluster: Cluster, *arguments: str) -> dict[str, Any] | None:
    answer = cluster.kubectl("get", *arguments, "--ignore-not-found", "-o", "json")
    return json.loads(answer) if answer.strip() else None


def items(cluster: Cluster, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(cluster, *arguments)["items"]
    return found


def speaker_pods(cluster: Cluster, placement: str = "") -> list[Pod]:
    selector = f"{SPEAKER_PODS},{PLACEMENT}={placement}" if placement else SPEAKER_PODS
    return [_pod(item) for item in items(cluster, "pods", "-n", NAMESPACE, "-l", selector)]


def speaker_pod(cluster: Cluster, node: str, placement: str = "default") -> Pod:
    return next(pod for pod in speaker_pods(cluster, placement) if pod.node == node and not pod.leaving)


def pod_uids(cluster: Cluster) -> set[str]:
    return {pod.uid for pod in speaker_pods(cluster)}


def wait_for_pods(cluster: Cluster, placement: str = "default", nodes: int = 3, timeout_s: float = 120) -> list[Pod]:
    """Until the placement has a ready pod on so many nodes, and none that is leaving."""

    def all_ready() -> list[Pod]:
        pods = speaker_pods(cluster, placement)
        return pods if len(pods) == nodes and all(pod.ready and not pod.leaving for pod in pods) else []

    return wait_until(f"{nodes} ready speaker pods of placement {placement}", all_ready, timeout_s, every_s=0.5)


def wait_for_no_pods(cluster: Cluster, placement: str = "", timeout_s: float = 90) -> None:
    wait_until("no speaker pod is left", lambda: not speaker_pods(cluster, placement), timeout_s, every_s=0.5)


def scale(cluster: Cluster, what: str, replicas: int, namespace: str = NAMESPACE) -> None:
    """And wait until it is so."""
    cluster.kubectl("scale", what, f"--replicas={replicas}", "-n", namespace)
    cluster.kubectl("rollout", "status", what, "-n", namespace, "--timeout=90s")
    if not replicas:
        labels = get(cluster, what, "-n", namespace)["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        cluster.kubectl("wait", "--for=delete", "pod", "-l", selector, "-n", namespace, "--timeout=90s")


def _pod(item: dict[str, Any]) -> Pod:
    status = item["status"]
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return Pod(
        name=item["metadata"]["name"],
        uid=item["metadata"]["uid"],
        node=item["spec"].get("nodeName", ""),
        placement=item["metadata"]["labels"].get(PLACEMENT, ""),
        ready=conditions.get("Ready") == "True",
        leaving="deletionTimestamp" in item["metadata"],
        restarts={container["name"]: container["restartCount"] for container in containers},
    )
