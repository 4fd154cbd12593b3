"""Every file of examples/ is applied as it is, but for the addresses, and does what it says: its addresses answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.network import Address
from tests.e2e.support import examples
from tests.e2e.support.examples import Example
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import Vip

BACKEND = examples.EXAMPLES / "web.yaml"


@pytest.fixture(params=examples.files(), ids=lambda file: file.name)
def applied(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Example]:
    given: list[Address] = []

    def free(family: int) -> Address:
        given.extend(lab.cluster.free_addresses(1, family, "examples"))
        return given[-1]

    file: Path = request.param
    parts = [examples.fit(part, free) for part in dict.fromkeys([BACKEND, file])]
    for name in _node_labels(parts[-1]):
        lab.cluster.kubectl("label", "nodes", *lab.workers, name, "--overwrite")
    for part in parts:
        lab.cluster.apply(part.text)
    yield parts[-1]
    for part in reversed(parts):
        lab.cluster.delete(part.text)
    for name in _node_labels(parts[-1]):
        lab.cluster.kubectl("label", "nodes", *lab.workers, f"{name.split('=')[0]}-")
    for address in given:
        lab.owners.wait_for(address, [], 30)
    lab.cluster.give_back(given)


def test_example_is_accepted_and_its_addresses_answer(lab: Lab, applied: Example) -> None:
    for name, addresses in applied.addresses.items():
        Vip(lab.cluster, name, addresses).wait_for("Ready")
        for address in addresses:
            lab.owners.wait_for_one(address, lab.workers, 30)
            if _answers(applied, name):
                lab.answering(address, http_port=_first_port(applied, name))
            else:
                assert not lab.client.ping(address)


def _answers(example: Example, name: str) -> bool:
    spec = next(item["spec"] for item in example.objects if _is(item, name))
    return spec.get("vrrp", {}).get("acceptMode", True) is not False


def _first_port(example: Example, name: str) -> int | None:
    """Where an HTTP server answers everybody with 200."""
    nginx = next(item["spec"] for item in example.objects if _is(item, name)).get("nginx", {})
    if "configMapRef" in nginx:
        return 80
    plain = [server for server in nginx.get("http", []) if not {"tls", "redirect", "hostnames"} & server.keys()]
    return plain[0]["port"] if plain else None


def _is(item: dict[str, Any], name: str) -> bool:
    return bool(item["kind"] == "VirtualIP" and item["metadata"]["name"] == name)


def _node_labels(example: Example) -> list[str]:
    """Those that a node selector of the example asks for, as key=value."""
    selectors = [
        item["spec"].get("nodes", {}).get("selector", {}) for item in example.objects if item["kind"] == "VirtualIP"
    ]
    return [f"{key}={value}" for selector in selectors for key, value in selector.get("matchLabels", {}).items()]
