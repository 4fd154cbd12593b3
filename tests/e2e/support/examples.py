"""The files of examples/, made to fit the test cluster: documentation addresses become free ones of its segment, and
10.0.0.5 and 10.0.0.6, the servers outside of the cluster, become two machines of the segment.

Only text is replaced, so comments and layout stay as the user reads them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.network import Address
from tests.cluster.paths import ROOT
from tests.cluster.project_images import NGINX

OUTSIDE = ("10.0.0.5", "10.0.0.6")
EXAMPLES = ROOT / "examples"
STOCK_NGINX = re.compile(r"(image: +)nginx(:\S+)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    """Ready for kubectl."""
    addresses: dict[str, list[Address]]
    """By VirtualIP."""
    objects: list[dict[str, Any]]


def files() -> list[Path]:
    return sorted(EXAMPLES.glob("*.yaml"))


def fit(file: Path, free: Callable[[int], Address], outside: Mapping[str, Address] = {}) -> Example:
    """`free` gives an address of the family (4, 6) that it is asked for; `outside`: in place of those of OUTSIDE."""
    text = STOCK_NGINX.sub(rf"\g<1>{NGINX}", file.read_text())
    for written, address in outside.items():
        text = re.sub(rf"(?<![0-9.]){re.escape(written)}(?![0-9.])", str(address), text)
    replaced: dict[str, Address] = {}
    for written in _written_addresses(text):
        replaced.setdefault(written, free(ip_address(written).version))
    for written, address in replaced.items():
        text = re.sub(rf"(?<![0-9a-fA-F:.]){re.escape(written)}(?![0-9a-fA-F:.])", str(address), text)
    objects = [document for document in yaml.safe_load_all(text) if document]
    addresses = {
        item["metadata"]["name"]: [ip_address(address.split("/")[0]) for address in item["spec"]["addresses"]]
        for item in objects
        if item["kind"] == "VirtualIP"
    }
    return Example(text, addresses, objects)


def _written_addresses(text: str) -> list[str]:
    documents = [document for document in yaml.safe_load_all(text) if document and document["kind"] == "VirtualIP"]
    return [address.split("/")[0] for document in documents for address in document["spec"]["addresses"]]
