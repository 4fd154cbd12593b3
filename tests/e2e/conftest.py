"""Fixtures of the end-to-end tests: one cluster and one installation for the session, and order after each test.

A developer who has the cluster running keeps it; a session that had to make it removes it again, and so does CI. One
session at a time: a second one waits. Every figure that a test measures is printed at the end, with its limit.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.cluster.links import links_in
from tests.cluster.locking import exclusive
from tests.cluster.network import vip_candidates
from tests.e2e.support import backends, installation, kube, story
from tests.e2e.support.lab import Lab, Seen, namespace_of
from tests.e2e.support.owners import OwnerWatch
from tests.e2e.support.virtualips import Address, Vip
from tests.e2e.support.waiting import wait_until

BLUE, GREEN = "blue", "green"
"""Two web servers; each answers with its name."""
TEST_TIMEOUT_S = 240
HEALTHY_AGAIN_S = 90

MakeVip = Callable[..., Vip]
Figure = Callable[..., None]

_figures: list[str] = []
_running: list[Cluster] = []


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "keeps_order: watches by itself that no node changes, quicker than the fixture")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.root)
            item.add_marker(pytest.mark.cluster)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S, func_only=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _running and "tests/e2e/" in item.path.as_posix():
        report.sections.append(("the cluster at that moment", story.tell(_running[0])))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("measured on the cluster")
        for line in _figures:
            terminalreporter.write_line(f"  {line}")


# --- the cluster -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The running test cluster, or a new one. What it prints is shown: the first build takes ten minutes and more."""
    cluster = Cluster()
    shown = request.config.pluginmanager.getplugin("capturemanager")
    with exclusive(cluster.paths.cache / "e2e.lock", cluster.progress.say):
        was_up = cluster.is_up()
        with shown.global_and_fixture_disabled():
            cluster.up()
        cluster.heal_all()
        cluster.api_server_start()
        _running.append(cluster)
        yield cluster
        _running.clear()
        if os.environ.get("CI") or not was_up:
            with shown.global_and_fixture_disabled():
                cluster.down()


@pytest.fixture(scope="session")
def installed(cluster: Cluster, request: pytest.FixtureRequest) -> Cluster:
    """The cluster with the chart of this checkout, no VirtualIP in it, and two web servers to send requests to."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        installation.install(cluster)
    cluster.kubectl("delete", "vip", "--all")
    backends.deploy(cluster, BLUE, GREEN)
    return cluster


@pytest.fixture(scope="session")
def owners(cluster: Cluster) -> Iterator[OwnerWatch]:
    """Every node's kernel, watched over the whole session."""
    with OwnerWatch({node.name: namespace_of(node) for node in cluster.nodes()}) as watch:
        yield watch


@pytest.fixture(scope="session")
def lab(installed: Cluster, owners: OwnerWatch) -> Lab:
    first, second, third = (node.name for node in installed.workers())
    return Lab(installed, (first, second, third), installed.client("1"), installed.client("observer"), owners)


# --- objects ---------------------------------------------------------------------------------------------------------


@contextmanager
def temporary_vip(lab: Lab, spec: dict[str, Any], families: str = "4", name: str | None = None) -> Iterator[Vip]:
    """A VirtualIP with free addresses (families "46": one of each, in this order), gone from all nodes at the end."""
    addresses: list[Address] = []
    vip = Vip(lab.cluster, name or f"e2e-{uuid.uuid4().hex[:6]}", addresses)
    try:
        for family in families:
            addresses.extend(lab.cluster.free_addresses(1, int(family), vip.name))
        vip.apply({"addresses": [str(address) for address in addresses], **spec})
        yield vip
    finally:
        held = set(addresses)
        vip.delete()
        for address in held:
            lab.owners.wait_for(address, [], 30)
        lab.cluster.give_back(held)


@pytest.fixture
def vip(lab: Lab) -> Iterator[MakeVip]:
    """`vip({"vrid": 51}, families="46")`: applied now, deleted when the test ends."""
    with ExitStack() as stack:
        yield lambda spec, families="4", name=None: stack.enter_context(temporary_vip(lab, spec, families, name))


@pytest.fixture
def figure() -> Figure:
    """`figure("node cut off: ping gap", 812.0, 1000)` notes a measurement, its limit, and asserts it."""

    def note(what: str, measured_ms: float, limit_ms: float, seen: Seen | None = None) -> None:
        _figures.append(f"{what:<70} {measured_ms:8.0f} ms   (limit {limit_ms:.0f} ms)")
        story = seen.story() if seen else ""
        assert measured_ms <= limit_ms, f"{what}: {measured_ms:.0f} ms, the limit is {limit_ms:.0f} ms\n{story}"

    return note


# --- order -----------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _in_order_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test: nodes on the segment, speakers ready, and no address of nobody's on any node."""
    yield
    if "lab" not in request.fixturenames or request.node.get_closest_marker("keeps_order"):
        return
    lab: Lab = request.getfixturevalue("lab")
    _links_in_order(lab)
    wait_until(
        "speakers are ready, and every address has the one node that it should",
        lambda: not _disorder(lab),
        HEALTHY_AGAIN_S,
    )


def _links_in_order(lab: Lab) -> None:
    bridge = lab.cluster.network().bridge
    off = [link.name for link in links_in(lab.cluster.host_prefix) if link.peer_index and link.master != bridge]
    frozen = [node.name for node in lab.cluster.nodes() if node.status != "running"]
    if off or frozen or lab.cluster.rules_in_force():
        lab.cluster.heal_all()
        pytest.fail(f"the test left faults behind: {off} {frozen}")


def _disorder(lab: Lab) -> list[str]:
    known = {address for item in kube.items(lab.cluster, "vip") for address in _addresses_of(item)}
    network = lab.cluster.network()
    prefixes = [prefix for prefix in (network.ipv4, network.ipv6) if prefix]
    strays = [
        f"{address} is on {sorted(held)}"
        for prefix in prefixes
        for address in vip_candidates(prefix)
        if (held := lab.owners.owners(address)) and (str(address) not in known or len(held) > 1)
    ]
    return strays + [
        f"{pod.name} is not ready" for pod in kube.speaker_pods(lab.cluster) if not pod.ready or pod.leaving
    ]


def _addresses_of(item: dict[str, Any]) -> list[str]:
    return [address.split("/")[0] for address in item["spec"]["addresses"]]
