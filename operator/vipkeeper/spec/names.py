"""Every name that more than one process must agree on (ARCHITECTURE.md, "Names and places"). Nothing else here."""

from __future__ import annotations

import re

GROUP = "vipkeeper.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
VIRTUALIP_KIND, VIRTUALIP_PLURAL = "VirtualIP", "virtualips"
SPEAKER_KIND, SPEAKER_PLURAL = "VRRPSpeaker", "vrrpspeakers"

MANAGED_BY_LABEL, MANAGED_BY = "app.kubernetes.io/managed-by", "vipkeeper"
COMPONENT_LABEL = "app.kubernetes.io/component"
SPEAKER_COMPONENT, VIRTUALIP_COMPONENT = "speaker", "virtualip"
PLACEMENT_LABEL = f"{GROUP}/placement"
VIRTUALIP_LABEL = f"{GROUP}/virtualip"
PORTS_ANNOTATION = f"{GROUP}/ports"
"""On a DaemonSet: first port of the placement's block of four, as text."""

ANCHOR_CONFIGMAP = "vipkeeper-anchor"
SETTINGS_CONFIGMAP = "vipkeeper-settings"
ENTRYPOINT_CONFIGMAP = "vipkeeper-nginx-entrypoint"
CONTROLLER_SERVICE_ACCOUNT = "vipkeeper-controller"
SPEAKER_SERVICE_ACCOUNT = "vipkeeper-speaker"
SECRETS_ROLE = "vipkeeper-speaker-secrets"
"""Role that names the placements' Secrets, which agents may read. The operator keeps it, the chart binds it."""

PEER_KEYS_SECRET, PEER_KEYS_KEY = "vipkeeper-peer-keys", "keys"
"""Secret with the keys by which the engines believe each other, and where it has them."""
ROTATE_ANNOTATION = f"{GROUP}/rotate"
"""On that Secret, by a user: another text than before asks for a new key."""

MOVE_ANNOTATION = f"{GROUP}/move-to"
"""On a VirtualIP, by a user: name of the node that shall hold the addresses (`move.py`)."""

AGENT_ID = 65532
"""uid and gid of the agent, and fsGroup of the speaker pod."""

LEASE_DURATION_S = 40
LEASE_RENEW_S = 10

NAME_MAX_LENGTH = 63
"""Names of derived objects and a label's value carry a VirtualIP's name: a DNS label, not a DNS subdomain."""

NAME_PATTERN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


def is_virtualip_name(name: str) -> bool:
    return len(name) <= NAME_MAX_LENGTH and re.fullmatch(NAME_PATTERN, name) is not None


def configmap_name(virtualip: str) -> str:
    """Name of the ConfigMap with the rendered document of VirtualIP `virtualip`."""
    return f"virtualip-{virtualip}"


def daemonset_name(placement: str) -> str:
    return f"vipkeeper-speaker-{placement}"


def placement_secret_name(placement: str) -> str:
    """Name of the Secret with everything secret that the nodes of a placement need."""
    return daemonset_name(placement)


def speaker_name(placement: str, node: str) -> str:
    """Name of the VRRPSpeaker object."""
    return f"{placement}.{node}"


def lease_name(placement: str, node: str) -> str:
    return f"vipkeeper.{placement}.{node}"


def speaker_labels(placement: str) -> dict[str, str]:
    """Labels of a placement's DaemonSet and pods; also the pods' selector."""
    return {MANAGED_BY_LABEL: MANAGED_BY, COMPONENT_LABEL: SPEAKER_COMPONENT, PLACEMENT_LABEL: placement}


def virtualip_labels(placement: str, name: str) -> dict[str, str]:
    """Labels of a rendered ConfigMap."""
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        COMPONENT_LABEL: VIRTUALIP_COMPONENT,
        PLACEMENT_LABEL: placement,
        VIRTUALIP_LABEL: name,
    }


def placement_selector(placement: str) -> str:
    """Label selector by which an agent watches the rendered ConfigMaps of its placement."""
    return f"{COMPONENT_LABEL}={VIRTUALIP_COMPONENT},{PLACEMENT_LABEL}={placement}"
