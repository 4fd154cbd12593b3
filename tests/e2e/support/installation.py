"""The chart in the test cluster: installed as a user would, with the images of this checkout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from tests.cluster import Cluster, state
from tests.cluster.paths import ROOT
from tests.cluster.project_images import NGINX, PROJECT

NAMESPACE = "vipkeeper"
RELEASE = "vipkeeper"
CHART = ROOT / "charts/vipkeeper"
CONTROLLER = "deployment/vipkeeper-controller"
BUILD = "vipkeeper.dev/test-build"
"""Annotation of the namespace: which build its pods were started from (the tag is always `dev`)."""
NAMESPACE_YAML = f"""
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: privileged
"""
"""Speaker pods are on the host network with NET_ADMIN: Pod Security's other levels refuse them."""


def image_values() -> list[str]:
    """helm's arguments for the images that the nodes were given."""
    repository, _, tag = PROJECT.rpartition(":")
    nginx_repository, _, nginx_tag = NGINX.rpartition(":")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "nginx.image.repository": nginx_repository,
        "nginx.image.tag": nginx_tag,
    }
    return [word for name, value in values.items() for word in ("--set", f"{name}={value}")]


def operator_values() -> list[str]:
    """The operator on the control plane: the faults are made on the workers, and its view of them is tested too."""
    control_plane = "node-role.kubernetes.io/control-plane"
    values = {
        "controller.nodeSelector": {control_plane: ""},
        "controller.tolerations": [{"key": control_plane, "operator": "Exists", "effect": "NoSchedule"}],
    }
    return [word for name, value in values.items() for word in ("--set-json", f"{name}={json.dumps(value)}")]


def install(cluster: Cluster, arguments: Sequence[str] = ()) -> None:
    """Installs or upgrades, and waits for the operator. Pods of an older build of the same tag are replaced."""
    before = _running_build(cluster)
    cluster.images()
    cluster.apply(NAMESPACE_YAML)
    release = ["upgrade", "--install", RELEASE, str(CHART), "--namespace", NAMESPACE]
    cluster.helm(*release, *image_values(), *operator_values(), *arguments, "--wait", "--timeout", "3m")
    if before and before != _loaded_build(cluster):
        _replace_pods(cluster)
    cluster.kubectl("rollout", "status", CONTROLLER, "-n", NAMESPACE, "--timeout=120s", timeout_s=150)
    cluster.kubectl("annotate", "namespace", NAMESPACE, f"{BUILD}={_loaded_build(cluster)}", "--overwrite")


def uninstall(cluster: Cluster) -> None:
    cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--wait", "--timeout", "3m", "--ignore-not-found")


def _running_build(cluster: Cluster) -> str:
    path = BUILD.replace(".", "\\.")
    return cluster.kubectl(
        "get", "namespace", NAMESPACE, "--ignore-not-found", "-o", f"jsonpath={{.metadata.annotations.{path}}}"
    )


def _loaded_build(cluster: Cluster) -> str:
    known = state.load(cluster.paths.state)
    assert known is not None
    return sha256(repr([known.images[name] for name in (PROJECT, NGINX)]).encode()).hexdigest()[:16]


def _replace_pods(cluster: Cluster) -> None:
    cluster.kubectl("rollout", "restart", CONTROLLER, "-n", NAMESPACE)
    cluster.kubectl("delete", "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=speaker", timeout_s=150)
