"""The DaemonSet of one placement: ARCHITECTURE.md, "In a speaker pod".

Its template depends on the placement, its ports and the operator's settings, never on a VirtualIP: an edit of a
VirtualIP rolls no pod. updateStrategy is OnDelete, because the operator decides about the order (backups first).

No container declares a port: on the host's network a container port is a host port, and a second placement's pod on
the same node would stay Pending. The token of the API is mounted in the agent alone; the speaker, which can do most on
the node, cannot talk to the API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vipkeeper.spec import names
from vipkeeper.spec.placement import NODE_SELECTOR, Placement
from vipkeeper.spec.ports import PortBlock
from vipkeeper.spec.settings import OperatorSettings
from vipkeeper.spec.virtualip import LabelSelector

RUN_DIR = "/run/vipkeeper"
STATE_DIR = "/var/lib/vipkeeper"
PROC_SYS_NET = "/host/proc-sys-net"
NGINX_CACHE = "/var/cache/nginx"
ENTRYPOINT_DIR = "/etc/vipkeeper-nginx"
API_ACCESS = "/var/run/secrets/kubernetes.io/serviceaccount"
TERMINATION_GRACE_S = 30
READINESS_PERIOD_S = 2
TOKEN_LIFETIME_S = 3607
"""As the kubelet's own token volumes: an hour and a little, so that a rotation is told from a wrong value."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The chart's ConfigMap `vipkeeper-anchor`, which owns all DaemonSets."""

    uid: str


def render_daemonset(
    placement: Placement, ports: PortBlock, settings: OperatorSettings, namespace: str, anchor: Anchor
) -> dict[str, Any]:
    labels = names.speaker_labels(placement.name)
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": names.daemonset_name(placement.name),
            "namespace": namespace,
            "labels": labels,
            "annotations": {names.PORTS_ANNOTATION: str(ports.first)},
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "name": names.ANCHOR_CONFIGMAP,
                    "uid": anchor.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "OnDelete"},
            "revisionHistoryLimit": 3,
            "template": {"metadata": {"labels": labels}, "spec": _pod(placement, ports, settings)},
        },
    }


def read_ports(daemonset: Mapping[str, Any]) -> PortBlock | None:
    """The block that is pinned in the annotation of an existing DaemonSet; None where it can't be read."""
    annotations = daemonset["metadata"].get("annotations") or {}
    text = annotations.get(names.PORTS_ANNOTATION, "")
    return PortBlock(int(text)) if text.isascii() and text.isdigit() else None


def _pod(placement: Placement, ports: PortBlock, settings: OperatorSettings) -> dict[str, Any]:
    return {
        "serviceAccountName": names.SPEAKER_SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostNetwork": True,
        "dnsPolicy": "ClusterFirstWithHostNet",
        "terminationGracePeriodSeconds": TERMINATION_GRACE_S,
        "securityContext": {"fsGroup": names.AGENT_ID, "seccompProfile": {"type": "RuntimeDefault"}},
        **_optional("priorityClassName", settings.priority_class_name),
        **_optional("imagePullSecrets", [{"name": name} for name in settings.image_pull_secrets]),
        "nodeSelector": {**NODE_SELECTOR, **settings.node_selector},
        **_optional("affinity", placement.selector and _affinity(placement.selector)),
        **_optional("tolerations", [item.to_json() for item in (*settings.tolerations, *placement.tolerations)]),
        **_optional("initContainers", [_nginx(ports, settings)] if settings.nginx.enabled else []),
        "containers": [_speaker(placement, settings), _agent(placement, ports, settings)],
        "volumes": _volumes(placement, settings),
    }


def _optional(name: str, value: object) -> dict[str, Any]:
    """A member that is left out when it is empty."""
    return {name: value} if value else {}


def _affinity(selector: LabelSelector) -> dict[str, Any]:
    """A label selector says the same as one node selector term: all must hold, NotIn holds without the label."""
    expressions = [
        *({"key": key, "operator": "In", "values": [value]} for key, value in selector.match_labels.items()),
        *(_expression(item.key, item.operator, item.values) for item in selector.match_expressions),
    ]
    term = {"matchExpressions": expressions}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _expression(key: str, operator: str, values: tuple[str, ...]) -> dict[str, Any]:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


def _speaker(placement: Placement, settings: OperatorSettings) -> dict[str, Any]:
    return {
        "name": "speaker",
        "image": settings.speaker_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-m", "vipkeeper.engine"],
        "env": [
            *_common_env(placement, settings),
            {"name": "VIPKEEPER_STATE_DIR", "value": STATE_DIR},
            {"name": "VIPKEEPER_PROC_SYS_NET", "value": PROC_SYS_NET},
        ],
        "resources": settings.speaker.resources.to_json(),
        "securityContext": _root_with("NET_ADMIN", "NET_RAW", "SYS_NICE", "IPC_LOCK"),
        "volumeMounts": [
            _mount("run", RUN_DIR),
            _mount("state", STATE_DIR),
            _mount("proc-sys-net", PROC_SYS_NET),
        ],
    }


def _agent(placement: Placement, ports: PortBlock, settings: OperatorSettings) -> dict[str, Any]:
    return {
        "name": "agent",
        "image": settings.speaker_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["python3", "-m", "vipkeeper.agent"],
        "env": [*_common_env(placement, settings), _readiness_port(ports)],
        "resources": settings.agent.resources.to_json(),
        "securityContext": {
            **_confined(),
            "runAsUser": names.AGENT_ID,
            "runAsGroup": names.AGENT_ID,
            "runAsNonRoot": True,
        },
        "volumeMounts": [_mount("run", RUN_DIR), _mount("api-access", API_ACCESS, read_only=True)],
    }


def _nginx(ports: PortBlock, settings: OperatorSettings) -> dict[str, Any]:
    """A native sidecar: it ends after the containers, so nginx serves until the engine has handed over."""
    return {
        "name": "nginx",
        "image": settings.nginx_image,
        "imagePullPolicy": settings.image_pull_policy,
        "restartPolicy": "Always",
        "command": ["/bin/sh", f"{ENTRYPOINT_DIR}/entrypoint.sh"],
        "env": [{"name": "VIPKEEPER_RUN_DIR", "value": RUN_DIR}, _readiness_port(ports)],
        "readinessProbe": {
            "httpGet": {"host": "127.0.0.1", "port": ports.nginx_readiness, "path": "/healthz"},
            "periodSeconds": READINESS_PERIOD_S,
            "timeoutSeconds": 1,
            "failureThreshold": 2,
        },
        "resources": settings.nginx.resources.to_json(),
        "securityContext": _root_with("NET_BIND_SERVICE", "SETUID", "SETGID"),
        "volumeMounts": [
            _mount("run", RUN_DIR),
            _mount("cache", NGINX_CACHE),
            _mount("entrypoint", ENTRYPOINT_DIR, read_only=True),
        ],
    }


def _common_env(placement: Placement, settings: OperatorSettings) -> list[dict[str, Any]]:
    values = {
        "VIPKEEPER_PLACEMENT": placement.name,
        "VIPKEEPER_RUN_DIR": RUN_DIR,
        "VIPKEEPER_LOG_LEVEL": settings.log_level,
    }
    if not settings.nginx.enabled:
        values["VIPKEEPER_NGINX"] = "0"
    fields = {"NODE_NAME": "spec.nodeName", "POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    return [
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
        *({"name": name, "value": value} for name, value in values.items()),
    ]


def _readiness_port(ports: PortBlock) -> dict[str, str]:
    return {"name": "VIPKEEPER_READINESS_PORT", "value": str(ports.nginx_readiness)}


def _confined() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _root_with(*capabilities: str) -> dict[str, Any]:
    return {
        **_confined(),
        "runAsUser": 0,
        "runAsGroup": 0,
        "capabilities": {"drop": ["ALL"], "add": list(capabilities)},
    }


def _volumes(placement: Placement, settings: OperatorSettings) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"name": "state", "hostPath": {"path": f"{STATE_DIR}/{placement.name}", "type": "DirectoryOrCreate"}},
        {"name": "proc-sys-net", "hostPath": {"path": "/proc/sys/net", "type": "Directory"}},
        {"name": "api-access", "projected": {"sources": _api_access()}},
    ]
    if settings.nginx.enabled:
        volumes += [
            {"name": "cache", "emptyDir": {}},
            {"name": "entrypoint", "configMap": {"name": names.ENTRYPOINT_CONFIGMAP}},
        ]
    return volumes


def _api_access() -> list[dict[str, Any]]:
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": TOKEN_LIFETIME_S}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]


def _mount(volume: str, path: str, read_only: bool = False) -> dict[str, Any]:
    return {"name": volume, "mountPath": path} | ({"readOnly": True} if read_only else {})
