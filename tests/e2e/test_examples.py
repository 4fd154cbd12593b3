"""Every file of examples/ is applied as it is, but for the addresses, and does what it says: its addresses answer, and
a client that asks them hears what the example promises (support/questions.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.network import Address
from tests.e2e.support import elsewhere, examples
from tests.e2e.support.examples import Example
from tests.e2e.support.lab import Lab
from tests.e2e.support.questions import QUESTIONS, Question
from tests.e2e.support.virtualips import Vip
from tests.e2e.support.waiting import wait_until

BACKEND = examples.EXAMPLES / "web.yaml"


@pytest.fixture(scope="module")
def outside(lab: Lab) -> Iterator[dict[str, Address]]:
    """Two machines of the segment, in place of the servers outside of the cluster that examples name."""
    with elsewhere.machines(lab.cluster) as addresses:
        yield addresses


@pytest.fixture(params=examples.files(), ids=lambda file: file.name)
def applied(lab: Lab, outside: dict[str, Address], request: pytest.FixtureRequest) -> Iterator[Example]:
    given: list[Address] = []

    def free(family: int) -> Address:
        given.extend(lab.cluster.free_addresses(1, family, "examples"))
        return given[-1]

    file: Path = request.param
    parts = [examples.fit(part, free, outside) for part in dict.fromkeys([BACKEND, file])]
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


def test_example_is_accepted_and_answers_what_it_says(
    lab: Lab, applied: Example, request: pytest.FixtureRequest
) -> None:
    for name, addresses in applied.addresses.items():
        Vip(lab.cluster, name, addresses).wait_for("Ready")
        for address in addresses:
            lab.owners.wait_for_one(address, lab.workers, 30)
            if _answers(applied, name):
                lab.answering(address, http_port=_first_port(applied, name))
            else:
                assert not lab.client.ping(address)
    for question in QUESTIONS.get(_name_of(request), ()):
        _ask(lab, question, applied)


def _name_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["applied"].name)


def _ask(lab: Lab, question: Question, example: Example) -> None:
    address = str(example.addresses[question.virtualip][0])
    command = [word.replace("@", address) for word in question.command]
    wanted = question.answer.replace("@", address)

    def answer() -> str:
        done = lab.client.run(command, check=False)
        return done.stdout if wanted in done.stdout else ""

    wait_until(f"{' '.join(command)[:300]} says {wanted}", answer, 30)


def test_dual_active_keeps_both_nodes_at_work_and_one_has_both_when_the_other_is_gone(
    lab: Lab, outside: dict[str, Address]
) -> None:
    given: list[Address] = []

    def free(family: int) -> Address:
        given.extend(lab.cluster.free_addresses(1, family, "examples"))
        return given[-1]

    parts = [examples.fit(part, free, outside) for part in (BACKEND, examples.EXAMPLES / "dual-active.yaml")]
    first, second, _ = lab.workers
    try:
        for node, side in ((first, "left"), (second, "right")):
            lab.cluster.kubectl("label", "node", node, f"vip-side={side}", "--overwrite")
        for part in parts:
            lab.cluster.apply(part.text)
        left, right = (Vip(lab.cluster, name, parts[1].addresses[name]) for name in ("left", "right"))
        for vip, node in ((left, first), (right, second)):
            vip.wait_for("Ready")
            lab.settle(vip, node)
        with lab.cut(first):
            lab.owners.wait_for_several(left.address, among=lab.workers, count=2, timeout_s=10)
            for vip in (left, right):
                lab.answering(vip.address)
        lab.settle(left, first)
    finally:
        for part in reversed(parts):
            lab.cluster.delete(part.text)
        lab.cluster.kubectl("label", "nodes", first, second, "vip-side-")
        for address in given:
            lab.owners.wait_for(address, [], 30)
        lab.cluster.give_back(given)


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
