"""What a person needs to understand a failed test: objects, logs and events of the moment."""

from __future__ import annotations

from tests.cluster import Cluster
from tests.e2e.support import kube
from tests.e2e.support.installation import NAMESPACE

LOG_LINES = 40
TOO_LONG = 12_000


def tell(cluster: Cluster) -> str:
    """Never raises: the API server may be part of what went wrong."""
    chapters = [
        ("VirtualIPs and VRRPSpeakers", ["get", "vip,vrrps", "-A", "-o", "yaml"]),
        ("pods", ["get", "pods", "-n", NAMESPACE, "-o", "wide"]),
        ("events", ["get", "events", "-A", "--sort-by=.lastTimestamp"]),
        ("log of the operator", ["logs", "-n", NAMESPACE, "deployment/vipkeeper-controller", f"--tail={LOG_LINES}"]),
        *((f"log of {pod}", _logs_of(pod)) for pod in _pods(cluster)),
    ]
    return "\n".join(f"--- {title}\n{_ask(cluster, arguments)}" for title, arguments in chapters)


def _pods(cluster: Cluster) -> list[str]:
    try:
        return sorted(pod.name for pod in kube.speaker_pods(cluster))
    except Exception:
        return []


def _logs_of(pod: str) -> list[str]:
    return ["logs", "-n", NAMESPACE, pod, "--all-containers", "--prefix", f"--tail={LOG_LINES}"]


def _ask(cluster: Cluster, arguments: list[str]) -> str:
    try:
        return cluster.kubectl(*arguments, timeout_s=20)[-TOO_LONG:]
    except Exception as problem:
        return f"(not to be had: {problem})"
