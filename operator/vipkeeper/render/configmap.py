"""The ConfigMap that carries one rendered document to the agents of its placement.

It is owned by the VirtualIP: deleting that works without a finalizer and with the operator down. The data is written
in one fixed form, so that an unchanged document is an unchanged ConfigMap, and nobody is woken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.rendered import DATA_KEY, RenderedVirtualIP
from vipkeeper.spec.names import API_VERSION, VIRTUALIP_KIND, configmap_name, virtualip_labels


def render_configmap(document: RenderedVirtualIP, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": configmap_name(document.name),
            "namespace": namespace,
            "labels": virtualip_labels(document.placement, document.name),
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": VIRTUALIP_KIND,
                    "name": document.name,
                    "uid": document.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "data": {DATA_KEY: json.dumps(document.to_json(), indent=2) + "\n"},
    }


def read_configmap(value: Mapping[str, Any]) -> RenderedVirtualIP:
    """The document in the API object. Raises BadDocument."""
    text = (value.get("data") or {}).get(DATA_KEY)
    if text is None:
        raise BadDocument([f"data.{DATA_KEY}: is missing"])
    try:
        content = json.loads(text)
    except ValueError as error:
        raise BadDocument([f"data.{DATA_KEY}: is not JSON ({error})"]) from error
    return RenderedVirtualIP.from_json(content)
