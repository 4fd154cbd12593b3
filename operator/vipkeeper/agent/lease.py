"""The heartbeat: Lease `vipkeeper.<placement>.<node>`, renewed each 10 s. The only write of a quiet agent."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Any

from vipkeeper.agent.kube_api import ApiRefused, ApiUnreachable, KubeApi, namespaced
from vipkeeper.agent.settings import Settings
from vipkeeper.spec.names import (
    LEASE_DURATION_S,
    LEASE_RENEW_S,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PLACEMENT_LABEL,
    lease_name,
)
from vipkeeper.threads.start import start_thread

RETRY_S = 2.0
GROUP_VERSION = "coordination.k8s.io/v1"

log = logging.getLogger("agent.lease")


def lease(settings: Settings, now: datetime) -> dict[str, Any]:
    return {
        "apiVersion": GROUP_VERSION,
        "kind": "Lease",
        "metadata": {
            "name": lease_name(settings.placement, settings.node),
            "namespace": settings.namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY, PLACEMENT_LABEL: settings.placement},
        },
        "spec": {
            "holderIdentity": settings.pod,
            "leaseDurationSeconds": LEASE_DURATION_S,
            "renewTime": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


def start_lease(api: KubeApi, settings: Settings) -> None:
    path = namespaced(GROUP_VERSION, settings.namespace, "leases", lease_name(settings.placement, settings.node))

    def run() -> None:
        trouble = False
        while True:
            began_s = time.monotonic()
            try:
                api.apply(path, lease(settings, datetime.now(UTC)))
                if trouble:
                    log.info("Lease renewed again")
                trouble = False
            except (ApiUnreachable, ApiRefused) as error:
                if not trouble:
                    log.warning("Lease can't be renewed: %s", error)
                trouble = True
            time.sleep(max(0.0, began_s + (RETRY_S if trouble else LEASE_RENEW_S) - time.monotonic()))

    start_thread("lease", run)
