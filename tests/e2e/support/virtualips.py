"""A VirtualIP of a test, and what is known about it from the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from tests.cluster import Cluster
from tests.cluster.errors import CommandFailed
from tests.e2e.support import kube
from tests.e2e.support.waiting import wait_until

Address = IPv4Address | IPv6Address
API_VERSION = "vipkeeper.dev/v1alpha1"


def manifest(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "VirtualIP", "metadata": {"name": name}, "spec": dict(spec)}


def http_of(service: str, port: int = 80, namespace: str = "default") -> dict[str, Any]:
    """An nginx section: one HTTP server for one Service."""
    return {"http": [{"port": port, "upstream": {"service": {"namespace": namespace, "name": service, "port": 80}}}]}


def prefer(*nodes: str) -> list[dict[str, Any]]:
    """`nodes.priorities` that rank these nodes, the first one highest: 200, 190, ..."""
    return [{"name": name, "priority": 200 - 10 * rank} for rank, name in enumerate(nodes)]


class Vip:
    """One VirtualIP, by name. `addresses` are those that it was given at first."""

    def __init__(self, cluster: Cluster, name: str, addresses: list[Address]) -> None:
        self._cluster = cluster
        self.name = name
        self.addresses = addresses

    @property
    def address(self) -> Address:
        return self.addresses[0]

    def apply(self, spec: Mapping[str, Any]) -> None:
        """As `kubectl apply`: members that are not there any more go."""
        self._cluster.apply(json.dumps(manifest(self.name, spec)))

    def patch(self, spec: Mapping[str, Any]) -> None:
        """A merge patch of the spec."""
        self._cluster.kubectl("patch", "vip", self.name, "--type=merge", "-p", json.dumps({"spec": dict(spec)}))

    def delete(self) -> None:
        self._cluster.kubectl("delete", "vip", self.name, "--ignore-not-found", "--wait=true")

    def read(self) -> dict[str, Any]:
        return kube.get(self._cluster, "vip", self.name)

    @property
    def status(self) -> dict[str, Any]:
        return self.read().get("status") or {}

    def condition(self, kind: str) -> dict[str, Any]:
        """The condition of that type; an empty one when it is not there."""
        return next((item for item in self.status.get("conditions", []) if item["type"] == kind), {})

    def wait_for(self, condition: str, timeout_s: float = 60) -> None:
        """Until the condition is True for the present generation."""
        wait = ["wait", f"--for=condition={condition}", f"vip/{self.name}", f"--timeout={timeout_s:.0f}s"]
        try:
            self._cluster.kubectl(*wait, timeout_s=timeout_s + 20)
        except CommandFailed as failure:
            raise AssertionError(
                f"{self.name} is not {condition} within {timeout_s:.0f} s: {json.dumps(self.status, indent=1)}"
            ) from failure

    def wait_until_settled(self, timeout_s: float = 60) -> str:
        """Until it is Ready on the node of highest priority (the first claim may be a quicker node's); that node."""

        def settled_on() -> str:
            nodes = self.status.get("nodes", [])
            best: dict[str, Any] = max(nodes, key=lambda node: node.get("priority", 0), default={})
            return best["name"] if best.get("state") == "Active" else ""

        self.wait_for("Ready", timeout_s)
        node = wait_until(f"{self.name} is on the node of highest priority", settled_on, timeout_s)
        self.wait_until_active_is(node, timeout_s)
        return node

    def wait_until_run(self, timeout_s: float = 60) -> None:
        """Until the nodes run the present generation."""

        def is_run() -> bool:
            object_ = self.read()
            return object_.get("status", {}).get("observedGeneration") == object_["metadata"]["generation"]

        wait_until(f"the nodes run the present generation of {self.name}", is_run, timeout_s)

    def wait_until_active_is(self, node: str, timeout_s: float = 60) -> None:
        """In its status."""
        self._cluster.kubectl(
            "wait",
            f"--for=jsonpath={{.status.activeNode}}={node}",
            f"vip/{self.name}",
            f"--timeout={timeout_s:.0f}s",
            timeout_s=timeout_s + 20,
        )
