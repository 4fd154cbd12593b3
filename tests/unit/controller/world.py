"""A small world for plans: API objects go in as the API server would hold them, changes come back into it.

Not a mock of the API server: it has no behaviour of its own but versions, UIDs and the merging of what was applied.
The real one is asked in tests/e2e/test_controller_against_the_api_server.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from vipkeeper.controller.changes import Apply, Change, Delete, MarkUnused, Plan, WriteStatus
from vipkeeper.controller.hearing import Hearing
from vipkeeper.controller.kinds import CONFIGMAP, DAEMONSET, LEASE, NODE, POD, SPEAKER, VIRTUALIP, Kind
from vipkeeper.controller.objects import TEMPLATE_ANNOTATION, UNUSED_SINCE_ANNOTATION
from vipkeeper.controller.peer_keys import FreshKey
from vipkeeper.controller.reconcile import plan
from vipkeeper.controller.state import ClusterState
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.render.configmap import read_configmap
from vipkeeper.spec import names
from vipkeeper.spec.settings import OperatorSettings, PeersSettings

NAMESPACE = "vipkeeper-system"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = OperatorSettings(speaker_image="vipkeeper:test", peers=PeersSettings(enabled=False))
"""Without peers: what they add to documents and Secrets is a story of its own (`test_peer_keys.py`)."""
SETTINGS_WITH_PEERS = OperatorSettings(speaker_image="vipkeeper:test")

Object = dict[str, Any]


def spec(**members: Any) -> Object:
    return {"addresses": ["192.0.2.10"], **members}


class World:
    """A cluster of three workers and an installed chart."""

    def __init__(self, settings: OperatorSettings = SETTINGS, nodes: Iterable[str] = ("w1", "w2", "w3")) -> None:
        self.settings = settings
        self.now = START
        self.objects: dict[tuple[Kind, str], Object] = {}
        self._versions = itertools.count(1)
        self._state: ClusterState | None = ClusterState()
        self.hearing = Hearing()
        self._keys_made = 1
        self._key = FreshKey(bytes([1]) * 32)
        for node in nodes:
            self.node(node)
        self.put(CONFIGMAP, {"metadata": {"name": names.ANCHOR_CONFIGMAP}})

    # ---- the API

    @property
    def state(self) -> ClusterState:
        assert self._state is not None
        return self._state

    def restart_operator(self) -> None:
        """All memory is lost; the API is listed anew."""
        self._state = ClusterState()
        self.hearing = Hearing()
        for (kind, _), value in self.objects.items():
            self.state.observe(kind, value)
        self.hearing.look(self.state.leases.values(), self.now)

    def put(self, kind: Kind, value: Mapping[str, Any]) -> Object:
        """Create or replace the object of that name."""
        stored = deepcopy(dict(value))
        metadata = stored["metadata"]
        before = self.objects.get((kind, metadata["name"]))
        metadata["resourceVersion"] = str(next(self._versions))
        metadata.setdefault("uid", before["metadata"]["uid"] if before else f"uid-{metadata['resourceVersion']}")
        created = before["metadata"]["creationTimestamp"] if before else self.now.isoformat()
        metadata.setdefault("creationTimestamp", created)
        self.objects[kind, metadata["name"]] = stored
        self.state.observe(kind, stored)
        return stored

    def remove(self, kind: Kind, name: str) -> None:
        value = self.objects.pop((kind, name))
        value["metadata"]["resourceVersion"] = str(next(self._versions))
        self.state.forget(kind, value)

    def get(self, kind: Kind, name: str) -> Object:
        return self.objects[kind, name]

    def names(self, kind: Kind) -> list[str]:
        return sorted(name for (of, name) in self.objects if of == kind)

    # ---- what users and nodes do

    def node(
        self, name: str, labels: Mapping[str, str] | None = None, taints: Iterable[Object] = (), address: str = ""
    ) -> None:
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name, **(labels or {})}
        status = {"addresses": [{"type": "InternalIP", "address": address}]} if address else {}
        self.put(
            NODE, {"metadata": {"name": name, "labels": labels}, "spec": {"taints": list(taints)}, "status": status}
        )

    def virtualip(self, name: str, **members: Any) -> Object:
        """Apply a VirtualIP, as kubectl does: a changed spec is a new generation."""
        before = self.objects.get((VIRTUALIP, name), {})
        wanted = spec(**members)
        generation = before.get("metadata", {}).get("generation", 0) + (before.get("spec") != wanted)
        value: Object = {"metadata": {"name": name, "generation": generation}, "spec": wanted}
        if "status" in before:
            value["status"] = before["status"]
        return self.put(VIRTUALIP, value)

    def lease(self, placement: str, node: str) -> None:
        """The agent renews its Lease."""
        labels = {names.PLACEMENT_LABEL: placement}
        value = {"metadata": {"name": names.lease_name(placement, node), "labels": labels}}
        self.put(LEASE, {**value, "spec": {"renewTime": self.now.isoformat()}})

    def look(self) -> None:
        """The controller lists the Leases."""
        self.hearing.look(self.state.leases.values(), self.now)

    def speaker(self, placement: str, node: str, **states: str) -> None:
        """The agent reports routers and their states: w1="Active"."""
        running = self.documents()
        reports = [
            {
                "name": name,
                "uid": running[name].uid,
                "generation": running[name].generation,
                "vrid": running[name].vrid,
                "state": state,
                "since": self.now.isoformat(),
                "priority": running[name].nodes[node].priority if node in running[name].nodes else 1,
                "reason": "NoResponse",
                "interface": "eth0",
                "segment": "192.0.2.0/24",
            }
            for name, state in states.items()
        ]
        self.put(
            SPEAKER,
            {
                "metadata": {"name": names.speaker_name(placement, node)},
                "spec": {"nodeName": node, "placement": placement},
                "status": {"engineVersion": "0", "virtualRouters": reports},
            },
        )
        self.hearing.reported(placement, node, self.now)
        self.lease(placement, node)

    def pods(self, placement: str = "default", nodes: Iterable[str] = ("w1", "w2", "w3"), ready: bool = True) -> None:
        """The DaemonSet controller and the kubelets do their work."""
        daemonset = self.get(DAEMONSET, names.daemonset_name(placement))
        template = daemonset["spec"]["template"]
        nodes = tuple(nodes)
        for node in nodes:
            metadata = {**template["metadata"], "name": f"{placement}-{node}"}
            status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
            self.put(POD, {"metadata": metadata, "spec": {"nodeName": node}, "status": status})
        self.daemonset_status(placement, desired=len(nodes), ready=len(nodes) if ready else 0)

    def daemonset_status(self, placement: str, desired: int, ready: int) -> None:
        value = self.get(DAEMONSET, names.daemonset_name(placement))
        value["status"] = {
            "observedGeneration": value["metadata"]["generation"],
            "desiredNumberScheduled": desired,
            "numberReady": ready,
        }
        self.put(DAEMONSET, value)

    # ---- the operator

    def plan(self) -> Plan:
        return plan(self.state, self.hearing, self.settings, NAMESPACE, self.now, self.fresh_key())

    def fresh_key(self) -> FreshKey:
        """Another one when the last one is in use, as the loop does it."""
        if self._key.is_in(self.state.secrets.get(names.PEER_KEYS_SECRET)):
            self._keys_made += 1
            self._key = FreshKey(bytes([self._keys_made]) * 32)
        return self._key

    def step(self) -> tuple[Change, ...]:
        """One plan, carried out."""
        changes = self.plan().changes
        for change in changes:
            self.carry_out(change)
        return changes

    def settle(self) -> list[Change]:
        """Plans until there is nothing to do."""
        done: list[Change] = []
        for _ in range(10):
            changes = self.step()
            if not changes:
                return done
            done += changes
        raise AssertionError(f"never settles: {[change.story for change in changes]}")

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def carry_out(self, change: Change) -> None:
        match change:
            case Apply():
                self._apply(change)
            case Delete():
                if self.objects[change.kind, change.name]["metadata"]["uid"] == change.uid:
                    self.remove(change.kind, change.name)
            case WriteStatus():
                self.put(VIRTUALIP, {**self.get(VIRTUALIP, change.name), "status": dict(change.status)})
            case MarkUnused():
                value = self.get(DAEMONSET, change.name)
                value["metadata"]["annotations"].pop(UNUSED_SINCE_ANNOTATION, None)
                if change.since:
                    value["metadata"]["annotations"][UNUSED_SINCE_ANNOTATION] = change.since.isoformat()
                self.put(DAEMONSET, value)

    def _apply(self, change: Apply) -> None:
        value = deepcopy(dict(change.body))
        before = self.objects.get((change.kind, change.name), {"metadata": {}})
        changed = before.get("spec") != value.get("spec")
        value["metadata"]["generation"] = before["metadata"].get("generation", 0) + changed
        if "uid" in before["metadata"]:
            value["metadata"]["uid"] = before["metadata"]["uid"]
        if "status" in before:
            value["status"] = before["status"]
        self.put(change.kind, value)

    # ---- what a reader sees

    def documents(self) -> dict[str, RenderedVirtualIP]:
        rendered = (read_configmap(value) for (kind, _), value in self.objects.items() if _is_rendered(kind, value))
        return {document.name: document for document in rendered}

    def status(self, name: str) -> Object:
        status: Object = self.get(VIRTUALIP, name).get("status") or {}
        return status

    def condition(self, name: str, type_: str) -> Object:
        return next((item for item in self.status(name).get("conditions", []) if item["type"] == type_), {})

    def template_of(self, placement: str) -> str:
        template = self.get(DAEMONSET, names.daemonset_name(placement))["spec"]["template"]
        return str(template["metadata"]["annotations"][TEMPLATE_ANNOTATION])


def _is_rendered(kind: Kind, value: Mapping[str, Any]) -> bool:
    return kind == CONFIGMAP and names.VIRTUALIP_LABEL in value["metadata"].get("labels", {})
