"""Speaks to the API server as the agent of a node would: with a token of vipkeeper-speaker bound to a pod there.

The pod need not run: the API server takes the node's name from its spec. So any node can be impersonated, and no
real speaker is disturbed. Nothing is written unless the test says so (`--dry-run=server` passes all admission).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.cluster import Cluster
from tests.e2e.support.installation import NAMESPACE
from vipkeeper.spec import names

TOKEN_LIFE = "10m"


@dataclass(frozen=True, slots=True)
class Agent:
    """`node` is "" for a token that is bound to no pod."""

    cluster: Cluster
    node: str
    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> CompletedProcess[str]:
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments]
        return self.cluster.host_run(command, check=False, stdin=stdin)

    def write(self, verb: str, object_: dict[str, Any], *arguments: str, dry: bool = True) -> CompletedProcess[str]:
        """`create`, `replace`, ...; passes all admission, and is stored only with dry=False."""
        how = ["--dry-run=server"] if dry else []
        return self.kubectl(verb, "-f", "-", *how, *arguments, stdin=json.dumps(object_))

    def may(self, verb: str, resource: str, namespace: str = "") -> bool:
        where = ["-n", namespace] if namespace else ["--all-namespaces"]
        return self.kubectl("auth", "can-i", verb, resource, *where).stdout.strip() == "yes"


@contextmanager
def agent_of(cluster: Cluster, node: str, folder: Path) -> Iterator[Agent]:
    """An agent on that node; "" for one that is nowhere."""
    pod = f"e2e-agent-{node or 'nowhere'}"
    bound = ["--bound-object-kind", "Pod", "--bound-object-name", pod] if node else []
    if node:
        cluster.apply(json.dumps(_pod(pod, node)))
    try:
        create = ["create", "token", names.SPEAKER_SERVICE_ACCOUNT, "-n", NAMESPACE, "--duration", TOKEN_LIFE]
        token = cluster.kubectl(*create, *bound).strip()
        yield Agent(cluster, node, _kubeconfig(cluster, token, folder / f"{pod}.kubeconfig"))
    finally:
        if node:
            gone = ["--ignore-not-found", "--grace-period=0", "--force", "--wait=true"]
            cluster.kubectl("delete", "pod", pod, "-n", NAMESPACE, *gone)


def vrrpspeaker(placement: str, node: str, **changed: Any) -> dict[str, Any]:
    """As the agent of that node writes it; `changed`: name, node_name, label."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.SPEAKER_KIND,
        "metadata": {
            "name": changed.get("name", names.speaker_name(placement, node)),
            "namespace": NAMESPACE,
            "labels": {**names.speaker_labels(placement), names.PLACEMENT_LABEL: changed.get("label", placement)},
        },
        "spec": {"nodeName": changed.get("node_name", node), "placement": placement},
    }


def lease(placement: str, node: str, **changed: Any) -> dict[str, Any]:
    """As the agent of that node writes it; `changed`: name, label (None: without)."""
    labels = {**names.speaker_labels(placement), names.PLACEMENT_LABEL: changed.get("label", placement)}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": changed.get("name", names.lease_name(placement, node)),
            "namespace": NAMESPACE,
            "labels": {key: value for key, value in labels.items() if value is not None},
        },
        "spec": {"holderIdentity": node, "leaseDurationSeconds": names.LEASE_DURATION_S},
    }


def _pod(name: str, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "nodeName": node,
            "serviceAccountName": names.SPEAKER_SERVICE_ACCOUNT,
            "containers": [{"name": "nothing", "image": "example.invalid/never-started", "imagePullPolicy": "Never"}],
        },
    }


def _kubeconfig(cluster: Cluster, token: str, path: Path) -> Path:
    """The test cluster's, with the token in place of the administrator's certificate (which would win over it)."""
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
    return path
