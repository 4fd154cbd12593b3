"""What `helm uninstall` can't remove by itself, removed by a hook of the chart (`vipkeeper cleanup`).

The rendered ConfigMaps are owned by the VirtualIPs, which stay, so no garbage collector takes them; VRRPSpeakers and
Leases are made by the agents and have no owner. The DaemonSets go with the chart's anchor ConfigMap: this waits until
their pods have ended, because an ending agent may still write, and because a user who reads "uninstalled" may take it
that no node holds an address any more.

Tests: tests/e2e/test_uninstall.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

MANAGED = "app.kubernetes.io/managed-by=vipkeeper"
SPEAKERS = f"{MANAGED},app.kubernetes.io/component=speaker"
_POLL_S = 1.0


def cleanup_namespace(namespace: str, timeout_seconds: int) -> Iterator[str]:
    """Delete our ConfigMaps, VRRPSpeakers and Leases in `namespace`; yields one line for each step done.

    Raises TimeoutError when speaker pods still run after `timeout_seconds`, ApiException when the API refuses.
    """
    config.load_config()
    core = client.CoreV1Api()
    yield from _wait_for_speakers(core, namespace, timeout_seconds)
    core.delete_collection_namespaced_config_map(namespace, label_selector=MANAGED)
    yield f"rendered ConfigMaps in namespace {namespace} deleted"
    client.CoordinationV1Api().delete_collection_namespaced_lease(namespace, label_selector=MANAGED)
    yield f"Leases of the speakers in namespace {namespace} deleted"
    try:
        client.CustomObjectsApi().delete_collection_namespaced_custom_object(
            "vipkeeper.dev", "v1alpha1", namespace, "vrrpspeakers", label_selector=MANAGED
        )
        yield f"VRRPSpeakers in namespace {namespace} deleted"
    except ApiException as error:
        if error.status != 404:  # the CRDs may have been deleted first: then there are none
            raise


def _wait_for_speakers(core: client.CoreV1Api, namespace: str, timeout_seconds: int) -> Iterator[str]:
    deadline = time.monotonic() + timeout_seconds
    while left := [pod.metadata.name for pod in core.list_namespaced_pod(namespace, label_selector=SPEAKERS).items]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"speaker pods still run after {timeout_seconds} s: {', '.join(sorted(left))}")
        time.sleep(_POLL_S)
    yield "no speaker pod is left: every address is released"
