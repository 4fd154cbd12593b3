"""What the controller has seen in the API, as types. This is the door: dicts come in here and go no further.

Each type holds what decisions need and nothing that changes without meaning (no resource version, no heartbeat), so
two equal values mean "nothing happened", and a node's heartbeat wakes nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vipkeeper.controller.kinds import CONFIGMAP, DAEMONSET, LEASE, NODE, POD, ROLE, SECRET, SPEAKER, VIRTUALIP, Kind
from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.render.configmap import read_configmap
from vipkeeper.render.daemonset import read_ports
from vipkeeper.spec import names
from vipkeeper.spec.parse import ParsedVirtualIP, Refusal, parse_virtualip
from vipkeeper.spec.placement import Node, parse_node
from vipkeeper.spec.ports import PortBlock
from vipkeeper.spec.speaker import VRRPSpeaker, parse_speaker
from vipkeeper.spec.virtualip import VirtualIPStatus, parse_status

TEMPLATE_ANNOTATION = f"{names.GROUP}/template"
"""On a DaemonSet's pod template, and so on its pods: hash of the template. Tells old pods from new ones."""
RENDERED_ANNOTATION = f"{names.GROUP}/rendered"
"""On a DaemonSet: hash of all that we applied. Tells that a field which we no longer render is still there."""
UNUSED_SINCE_ANNOTATION = f"{names.GROUP}/unused-since"
"""On a DaemonSet that serves no VirtualIP any more, while it still holds one that moves away."""


_SECRETS_OF_OTHERS = {"helm.sh/release.v1", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}
"""Types of Secrets that nobody refers to; the first ones are large."""


@dataclass(frozen=True, slots=True)
class VirtualIPSeen:
    name: str
    uid: str
    generation: int
    created_at: datetime
    deleting: bool
    parsed: ParsedVirtualIP | Refusal
    status: VirtualIPStatus
    written_status: Mapping[str, Any]
    """As it stands in the API, to see whether a new one differs."""
    move_to: str = ""
    """The annotation by which a user asks for a move; "" without one."""


@dataclass(frozen=True, slots=True)
class NodeSeen:
    node: Node

    @property
    def name(self) -> str:
        return self.node.name

    @property
    def reachable(self) -> bool:
        """The kubelet is heard: pods there can start and end."""
        away = {"node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"}
        return not any(taint.key in away and taint.effect == "NoExecute" for taint in self.node.taints)


@dataclass(frozen=True, slots=True)
class SpeakerSeen:
    name: str
    uid: str
    speaker: VRRPSpeaker

    @property
    def placement(self) -> str:
        return self.speaker.placement

    @property
    def node(self) -> str:
        return self.speaker.node_name


@dataclass(frozen=True, slots=True)
class PodSeen:
    name: str
    uid: str
    placement: str
    node: str
    """"" while it is not scheduled."""
    created_at: datetime
    template: str
    ready: bool
    deleting: bool


@dataclass(frozen=True, slots=True)
class ConfigMapSeen:
    """A rendered ConfigMap."""

    name: str
    uid: str
    virtualip_uid: str
    """"" when it names no owner."""
    placement: str
    document: RenderedVirtualIP | None
    """None: unreadable, e.g. of a newer version or edited by hand."""
    content: Mapping[str, Any]
    """Labels, owners and data, to compare with what is wanted."""


@dataclass(frozen=True, slots=True)
class TextsSeen:
    """A ConfigMap that is none of ours: a VirtualIP may refer to it."""

    name: str
    data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SecretSeen:
    """A Secret of the operator's namespace: a user's, or one of ours for a placement."""

    name: str
    uid: str
    placement: str
    """"" for a user's."""
    data: Mapping[str, str] = field(repr=False)
    """Base64, as the API has it."""
    content: Mapping[str, Any] = field(repr=False)
    """Labels, owners and data, to compare with what is wanted."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Ours, of the peers' keys (`peer_keys.py`); of others none."""


@dataclass(frozen=True, slots=True)
class RoleSeen:
    name: str
    uid: str
    content: Mapping[str, Any]
    """Labels, owners and rules."""


@dataclass(frozen=True, slots=True)
class AnchorSeen:
    """The chart's ConfigMap that owns the DaemonSets."""

    uid: str


@dataclass(frozen=True, slots=True)
class DaemonSetSeen:
    name: str
    uid: str
    placement: str
    created_at: datetime
    ports: PortBlock | None
    template: str
    rendered: str
    unused_since: datetime | None
    deleting: bool
    generation: int
    observed_generation: int
    desired: int
    ready: int
    content: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Labels, owners and spec, to find what was changed by hand; `generation` tells that it changed."""

    @property
    def all_ready(self) -> bool:
        """The DaemonSet controller has looked at this generation, and every pod that it wants is Ready."""
        return self.observed_generation >= self.generation and 0 < self.desired <= self.ready


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    name: str
    uid: str
    placement: str
    renewed_at: datetime | None


Seen = (
    VirtualIPSeen
    | NodeSeen
    | SpeakerSeen
    | PodSeen
    | ConfigMapSeen
    | SecretSeen
    | TextsSeen
    | RoleSeen
    | AnchorSeen
    | DaemonSetSeen
    | LeaseSeen
)


def parse(kind: Kind, value: Mapping[str, Any]) -> Seen | None:
    """The object as we see it; None: it does not concern us. Raises ValueError for one that can't be read."""
    return _PARSERS[kind](value)


def parse_moment(text: str | None) -> datetime | None:
    """A Kubernetes time (metav1.Time or MicroTime)."""
    if not text:
        return None
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _created_at(metadata: Mapping[str, Any]) -> datetime:
    return parse_moment(metadata.get("creationTimestamp")) or datetime.fromtimestamp(0, UTC)


def _labels(value: Mapping[str, Any]) -> Mapping[str, str]:
    return value["metadata"].get("labels") or {}


def _annotations(value: Mapping[str, Any]) -> Mapping[str, str]:
    return value["metadata"].get("annotations") or {}


def _deleting(value: Mapping[str, Any]) -> bool:
    return bool(value["metadata"].get("deletionTimestamp"))


def _virtualip(value: Mapping[str, Any]) -> VirtualIPSeen:
    metadata = value["metadata"]
    return VirtualIPSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        created_at=_created_at(metadata),
        deleting=_deleting(value),
        parsed=parse_virtualip(value),
        status=parse_status(value.get("status")),
        written_status=value.get("status") or {},
        move_to=_annotations(value).get(names.MOVE_ANNOTATION, "").strip(),
    )


def _node(value: Mapping[str, Any]) -> NodeSeen | None:
    return None if _deleting(value) else NodeSeen(parse_node(value))


def _speaker(value: Mapping[str, Any]) -> SpeakerSeen:
    return SpeakerSeen(value["metadata"]["name"], value["metadata"]["uid"], parse_speaker(dict(value)))


def _pod(value: Mapping[str, Any]) -> PodSeen | None:
    labels = _labels(value)
    if labels.get(names.COMPONENT_LABEL) != names.SPEAKER_COMPONENT or names.PLACEMENT_LABEL not in labels:
        return None
    status = value.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return None  # evicted or rejected by the kubelet: the DaemonSet controller replaces it
    conditions = {item["type"]: item["status"] for item in status.get("conditions") or []}
    return PodSeen(
        name=value["metadata"]["name"],
        uid=value["metadata"]["uid"],
        placement=labels[names.PLACEMENT_LABEL],
        node=(value.get("spec") or {}).get("nodeName") or "",
        created_at=_created_at(value["metadata"]),
        template=_annotations(value).get(TEMPLATE_ANNOTATION, ""),
        ready=conditions.get("Ready") == "True",
        deleting=_deleting(value),
    )


def _configmap(value: Mapping[str, Any]) -> ConfigMapSeen | AnchorSeen | TextsSeen | None:
    metadata, labels = value["metadata"], _labels(value)
    if _deleting(value):
        return None
    if metadata["name"] == names.ANCHOR_CONFIGMAP:
        return AnchorSeen(metadata["uid"])
    if labels.get(names.COMPONENT_LABEL) != names.VIRTUALIP_COMPONENT:
        return TextsSeen(metadata["name"], value["data"]) if value.get("data") else None
    try:
        document = read_configmap(value)
    except BadDocument:
        document = None
    owners = metadata.get("ownerReferences") or []
    return ConfigMapSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        virtualip_uid=next((owner["uid"] for owner in owners if owner["kind"] == names.VIRTUALIP_KIND), ""),
        placement=labels.get(names.PLACEMENT_LABEL, ""),
        document=document,
        content=configmap_content(value),
    )


def _secret(value: Mapping[str, Any]) -> SecretSeen | None:
    metadata, labels = value["metadata"], _labels(value)
    if _deleting(value) or value.get("type") in _SECRETS_OF_OTHERS:
        return None
    placement = labels.get(names.PLACEMENT_LABEL, "")
    ours = placement and metadata["name"] == names.placement_secret_name(placement)
    return SecretSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        placement=placement if ours else "",
        data=value.get("data") or {},
        content=configmap_content(value),
        annotations=_our_annotations(value) if metadata["name"] == names.PEER_KEYS_SECRET else {},
    )


def _our_annotations(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in _annotations(value).items() if name.startswith(f"{names.GROUP}/")}


def _role(value: Mapping[str, Any]) -> RoleSeen | None:
    metadata = value["metadata"]
    if _deleting(value) or metadata["name"] != names.SECRETS_ROLE:
        return None
    content = dict(configmap_content(value)) | {"rules": value.get("rules") or []}
    del content["data"]
    return RoleSeen(metadata["name"], metadata["uid"], content)


def configmap_content(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a ConfigMap or Secret that is ours to decide."""
    metadata = value["metadata"]
    return {
        "labels": metadata.get("labels") or {},
        "ownerReferences": metadata.get("ownerReferences") or [],
        "data": value.get("data") or {},
    }


def _daemonset(value: Mapping[str, Any]) -> DaemonSetSeen | None:
    metadata, labels, annotations = value["metadata"], _labels(value), _annotations(value)
    placement = labels.get(names.PLACEMENT_LABEL)
    if placement is None or metadata["name"] != names.daemonset_name(placement):
        return None
    template = value["spec"]["template"].get("metadata") or {}
    status = value.get("status") or {}
    return DaemonSetSeen(
        name=metadata["name"],
        uid=metadata["uid"],
        placement=placement,
        created_at=_created_at(metadata),
        ports=read_ports(dict(value)),
        template=(template.get("annotations") or {}).get(TEMPLATE_ANNOTATION, ""),
        rendered=annotations.get(RENDERED_ANNOTATION, ""),
        unused_since=parse_moment(annotations.get(UNUSED_SINCE_ANNOTATION)),
        deleting=_deleting(value),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        desired=status.get("desiredNumberScheduled", 0),
        ready=status.get("numberReady", 0),
        content={
            "metadata": {
                "labels": labels,
                "annotations": annotations,
                "ownerReferences": metadata.get("ownerReferences") or [],
            },
            "spec": value["spec"],
        },
    )


def _lease(value: Mapping[str, Any]) -> LeaseSeen | None:
    placement = _labels(value).get(names.PLACEMENT_LABEL)
    if placement is None:
        return None
    spec = value.get("spec") or {}
    metadata = value["metadata"]
    return LeaseSeen(metadata["name"], metadata["uid"], placement, parse_moment(spec.get("renewTime")))


_PARSERS: Mapping[Kind, Callable[[Mapping[str, Any]], Seen | None]] = {
    VIRTUALIP: _virtualip,
    NODE: _node,
    SPEAKER: _speaker,
    POD: _pod,
    CONFIGMAP: _configmap,
    SECRET: _secret,
    ROLE: _role,
    DAEMONSET: _daemonset,
    LEASE: _lease,
}
