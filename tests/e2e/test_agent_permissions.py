"""A node that was broken into must not harm the others: what its agent's token can do, tried on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.e2e.support import kube
from tests.e2e.support.agents import Agent, agent_of, lease, vrrpspeaker
from tests.e2e.support.installation import CONTROLLER, NAMESPACE

PLACEMENT = "p-00e2e000"
"""No real placement: nothing of a running speaker is touched."""


@pytest.fixture(scope="module")
def nodes(installed: Cluster) -> tuple[str, str]:
    """The agent's own node, and another one."""
    own, other, _ = (node.name for node in installed.workers())
    return own, other


@pytest.fixture(scope="module", autouse=True)
def _nobody_tidies_up(installed: Cluster) -> Iterator[None]:
    """The operator would remove at once what belongs to no placement."""
    kube.scale(installed, CONTROLLER, 0)
    yield
    kube.scale(installed, CONTROLLER, 1)


@pytest.fixture(scope="module")
def agent(installed: Cluster, nodes: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with agent_of(installed, nodes[0], tmp_path_factory.mktemp("agent")) as agent:
        yield agent


@pytest.fixture
def of_another(installed: Cluster, nodes: tuple[str, str]) -> Iterator[str]:
    """Another node, with a VRRPSpeaker and a Lease that it wrote itself."""
    written = "".join(
        f"---\n{json.dumps(item)}\n" for item in (vrrpspeaker(PLACEMENT, nodes[1]), lease(PLACEMENT, nodes[1]))
    )
    installed.apply(written)
    yield nodes[1]
    installed.delete(written)


def _refused(done: CompletedProcess[str], why: str) -> None:
    assert done.returncode != 0, f"it was allowed: {done.stdout}"
    assert why in done.stderr


def test_an_agent_makes_and_keeps_its_own_vrrpspeaker_and_lease(
    agent: Agent, installed: Cluster, nodes: tuple[str, str]
) -> None:
    own = nodes[0]
    try:
        for object_ in (vrrpspeaker(PLACEMENT, own), lease(PLACEMENT, own)):
            created = agent.write("create", object_, dry=False)
            assert created.returncode == 0, created.stderr
            object_["metadata"]["annotations"] = {"e2e": "changed"}
            applied = agent.write("apply", object_, "--server-side", "--force-conflicts", dry=False)
            assert applied.returncode == 0, applied.stderr
        status = json.dumps({"status": {"engineVersion": "e2e"}})
        name = f"{PLACEMENT}.{own}"
        patch = ["patch", "vrrpspeaker", name, "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", status]
        patched = agent.kubectl(*patch)
        assert patched.returncode == 0, patched.stderr
        assert kube.get(installed, "vrrpspeaker", name, "-n", NAMESPACE)["status"]["engineVersion"] == "e2e"
    finally:
        for what in (f"vrrpspeaker/{PLACEMENT}.{own}", f"lease/vipkeeper.{PLACEMENT}.{own}"):
            installed.kubectl("delete", what, "-n", NAMESPACE, "--ignore-not-found")


@pytest.mark.parametrize("verb", ["create", "apply"])
def test_it_cannot_make_those_of_another_node(verb: str, agent: Agent, nodes: tuple[str, str]) -> None:
    own, other = nodes
    for object_ in (vrrpspeaker(PLACEMENT, other), lease(PLACEMENT, other)):
        _refused(agent.write(verb, object_), f"the agent of node {own} may write only")


def test_it_cannot_change_those_of_another_node(agent: Agent, nodes: tuple[str, str], of_another: str) -> None:
    own, _ = nodes
    renewed = lease(PLACEMENT, of_another) | {"spec": {"holderIdentity": "stolen"}}
    server_side = ["--server-side", "--force-conflicts"]
    for object_ in (vrrpspeaker(PLACEMENT, of_another), renewed):
        object_["metadata"]["annotations"] = {"e2e": "changed"}
        _refused(agent.write("apply", object_, *server_side), f"the agent of node {own} may write only")
    patch = ["-n", NAMESPACE, "--type=merge", "-p", json.dumps({"status": {"engineVersion": "stolen"}})]
    for subresource in ([], ["--subresource=status"]):
        name = f"{PLACEMENT}.{of_another}"
        _refused(
            agent.kubectl("patch", "vrrpspeaker", name, *subresource, *patch), f"the agent of node {own} may write"
        )


@pytest.mark.parametrize("resource", ["vrrpspeakers", "leases.coordination.k8s.io"])
def test_it_cannot_delete_anything_not_even_its_own(resource: str, agent: Agent) -> None:
    assert not agent.may("delete", resource, NAMESPACE)
    assert not agent.may("deletecollection", resource, NAMESPACE)


@pytest.mark.parametrize("why", ["agents do not delete"])
def test_even_a_careless_role_lets_no_agent_delete(why: str, agent: Agent, installed: Cluster, of_another: str) -> None:
    """The policy holds where somebody bound more to the service account than the chart does."""
    role = ["-n", NAMESPACE, "e2e-careless"]
    installed.kubectl("create", "role", *role, "--verb=delete", "--resource=leases,vrrpspeakers.vipkeeper.dev")
    account = f"--serviceaccount={NAMESPACE}:vipkeeper-speaker"
    try:
        installed.kubectl("create", "rolebinding", *role, "--role=e2e-careless", account)
        for what in (f"vrrpspeaker/{PLACEMENT}.{of_another}", f"lease/vipkeeper.{PLACEMENT}.{of_another}"):
            _refused(agent.kubectl("delete", what, "-n", NAMESPACE), why)
    finally:
        installed.kubectl("delete", "role,rolebinding", *role, "--ignore-not-found")


@pytest.mark.parametrize(
    ("changed", "placement", "why"),
    [
        ({"node_name": "elsewhere"}, PLACEMENT, "may write only a VRRPSpeaker with spec.nodeName"),
        ({"name": f"{PLACEMENT}.elsewhere"}, PLACEMENT, "may write only the VRRPSpeaker named"),
        ({}, "default.other", "may write only the VRRPSpeaker named"),
        ({"label": "default"}, PLACEMENT, "must be there and equal spec.placement"),
    ],
)
def test_its_vrrpspeaker_says_what_its_name_says(
    changed: dict[str, Any], placement: str, why: str, agent: Agent, nodes: tuple[str, str]
) -> None:
    """`default.other.NODE` would be placement "default" on a node called other.NODE."""
    _refused(agent.write("create", vrrpspeaker(placement, nodes[0], **changed)), why)


@pytest.mark.parametrize(
    ("changed", "placement"),
    [
        ({"name": "kube-scheduler"}, PLACEMENT),
        ({"label": None}, PLACEMENT),
        ({"label": "default"}, PLACEMENT),
        ({}, "default.other"),
    ],
)
def test_its_lease_says_what_its_name_says(
    changed: dict[str, Any], placement: str, agent: Agent, nodes: tuple[str, str]
) -> None:
    _refused(agent.write("create", lease(placement, nodes[0], **changed)), "may write only the Lease named")


def test_what_somebody_else_damaged_it_may_repair(agent: Agent, installed: Cluster, nodes: tuple[str, str]) -> None:
    damaged = lease(PLACEMENT, nodes[0], label="wrong")
    installed.apply(json.dumps(damaged))
    try:
        repaired = agent.write("apply", lease(PLACEMENT, nodes[0]), "--server-side", "--force-conflicts")
        assert repaired.returncode == 0, repaired.stderr
    finally:
        installed.delete(json.dumps(damaged))


def test_a_token_that_belongs_to_no_pod_writes_nothing(
    installed: Cluster, nodes: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    with agent_of(installed, "", tmp_path_factory.mktemp("nowhere")) as nobody:
        for object_ in (vrrpspeaker(PLACEMENT, nodes[0]), lease(PLACEMENT, nodes[0])):
            _refused(nobody.write("create", object_), "not bound to a pod on a node")


@pytest.mark.parametrize(
    ("verb", "resource", "namespace"),
    [
        ("list", "secrets", NAMESPACE),
        ("get", "secrets", "kube-system"),
        ("list", "nodes", ""),
        ("get", "pods", "kube-system"),
        ("delete", "pods", "kube-system"),
        ("list", "configmaps", "kube-system"),
        ("list", "virtualips", ""),
        ("create", "leases.coordination.k8s.io", "kube-system"),
        ("update", "configmaps", NAMESPACE),
        ("delete", "pods", NAMESPACE),
        ("create", "pods/exec", NAMESPACE),
        ("create", "serviceaccounts/token", NAMESPACE),
    ],
)
def test_it_has_no_business_there(verb: str, resource: str, namespace: str, agent: Agent) -> None:
    assert not agent.may(verb, resource, namespace)


@pytest.mark.parametrize(
    ("verb", "resource", "namespace"),
    [
        ("watch", "configmaps", NAMESPACE),
        ("watch", "pods", NAMESPACE),
        ("watch", "pods", "kube-system"),
        ("watch", "endpointslices.discovery.k8s.io", "default"),
        ("watch", "services", "default"),
    ],
)
def test_it_may_read_what_it_serves_by(verb: str, resource: str, namespace: str, agent: Agent) -> None:
    assert agent.may(verb, resource, namespace)


def test_others_write_leases_as_before(installed: Cluster) -> None:
    """The policies are about agents alone: the administrator writes what an agent may not."""
    installed.kubectl("create", "-f", "-", "--dry-run=server", stdin=json.dumps(lease("default.other", "elsewhere")))


def test_the_api_server_finds_no_fault_in_the_types_of_the_policies(installed: Cluster) -> None:
    policies = [p for p in kube.items(installed, "validatingadmissionpolicy") if "vipkeeper" in p["metadata"]["name"]]
    assert {policy["metadata"]["name"].removeprefix("vipkeeper-") for policy in policies} == {
        "speaker-vrrpspeakers",
        "speaker-leases",
        "controller-secrets",
    }
    for policy in policies:
        assert policy["status"]["observedGeneration"] == policy["metadata"]["generation"]
        assert not policy["status"].get("typeChecking", {}).get("expressionWarnings"), policy["metadata"]["name"]
