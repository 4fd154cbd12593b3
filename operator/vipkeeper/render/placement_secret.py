"""What carries secrets to the agents: one Secret for each placement, and the Role by which they may read those.

A value is known by its reference, which is its key in the placement's Secret: name and key of the Secret that a user
wrote, with an underscore between them, and in front `_NAMESPACE_` where it is in another namespace than the operator's.
No name has an underscore, so a reference can be taken apart again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vipkeeper.render.daemonset import Anchor
from vipkeeper.spec import names


def render_placement_secret(placement: str, data: Mapping[str, str], namespace: str, anchor: Anchor) -> dict[str, Any]:
    """`data`: base64 by reference."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": names.placement_secret_name(placement),
            "namespace": namespace,
            "labels": names.speaker_labels(placement),
            "ownerReferences": [_owner(anchor)],
        },
        "type": "Opaque",
        "data": dict(sorted(data.items())),
    }


def render_peer_keys(keys: str, annotations: Mapping[str, str], namespace: str, anchor: Anchor) -> dict[str, Any]:
    """`keys`: base64 of the text with one key in each line."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": names.PEER_KEYS_SECRET,
            "namespace": namespace,
            "labels": {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.COMPONENT_LABEL: names.SPEAKER_COMPONENT},
            "annotations": dict(annotations),
            "ownerReferences": [_owner(anchor)],
        },
        "type": "Opaque",
        "data": {names.PEER_KEYS_KEY: keys},
    }


def render_secrets_role(placements: Iterable[str], namespace: str, anchor: Anchor) -> dict[str, Any]:
    """Agents read the Secrets of placements, by name, and no others. Without a name a rule would mean all of them."""
    secrets = sorted(names.placement_secret_name(placement) for placement in placements)
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": secrets, "verbs": ["get", "list", "watch"]}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {
            "name": names.SECRETS_ROLE,
            "namespace": namespace,
            "labels": {names.MANAGED_BY_LABEL: names.MANAGED_BY, names.COMPONENT_LABEL: names.SPEAKER_COMPONENT},
            "ownerReferences": [_owner(anchor)],
        },
        "rules": [rule] if secrets else [],
    }


def _owner(anchor: Anchor) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": names.ANCHOR_CONFIGMAP,
        "uid": anchor.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
