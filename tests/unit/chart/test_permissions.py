"""Who may do what. The tables below are the whole of it: one verb more is a failing test."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.unit.chart.helm import NAMESPACE, one
from vipkeeper.spec.names import CONTROLLER_SERVICE_ACCOUNT, SPEAKER_SERVICE_ACCOUNT

READ = {"get", "list", "watch"}
APPLY = {"create", "patch"}
"""Server-side apply."""

CONTROLLER = {
    "": {
        "vipkeeper.dev/virtualips": READ,
        "vipkeeper.dev/virtualips/status": {"patch"},
        "/nodes": READ,
    },
    NAMESPACE: {
        "/configmaps": READ | APPLY | {"delete"},
        "apps/daemonsets": READ | APPLY | {"delete"},
        "/pods": READ | {"delete"},
        "vipkeeper.dev/vrrpspeakers": READ | {"delete"},
        "coordination.k8s.io/leases": {"list", "delete"},
    },
    "default": {
        "/events": {"create", "patch"},
    },
}

AGENT = {
    "": {"discovery.k8s.io/endpointslices": READ, "/services": READ},
    NAMESPACE: {
        "/configmaps": READ,
        "/pods": READ,
        "vipkeeper.dev/vrrpspeakers": {"get", "list", "update"} | APPLY,
        "vipkeeper.dev/vrrpspeakers/status": {"get", "update", "patch"},
        "coordination.k8s.io/leases": {"get", "list", "update"} | APPLY,
    },
}


def _permissions(objects: list[dict[str, Any]], account: str) -> dict[str, dict[str, set[str]]]:
    """namespace ("" for the whole cluster) -> group/resource -> verbs, through the bindings of a service account."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for binding in objects:
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        if {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE} not in binding["subjects"]:
            continue
        namespace = binding["metadata"].get("namespace", "")
        role = one(objects, binding["roleRef"]["kind"], binding["roleRef"]["name"], namespace or None)
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    found[namespace][f"{group}/{resource}"] |= set(rule["verbs"])
    return {namespace: dict(rules) for namespace, rules in found.items()}


def test_the_controller_may_do_what_it_needs_and_no_more(objects: list[dict[str, Any]]) -> None:
    assert _permissions(objects, CONTROLLER_SERVICE_ACCOUNT) == CONTROLLER


def test_an_agent_may_do_what_it_needs_and_no_more(objects: list[dict[str, Any]]) -> None:
    assert _permissions(objects, SPEAKER_SERVICE_ACCOUNT) == AGENT


def test_nobody_reads_secrets_and_nobody_has_a_wildcard(objects: list[dict[str, Any]]) -> None:
    for role in (item for item in objects if item["kind"] in ("Role", "ClusterRole")):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert "secrets" not in rule["resources"]


def test_the_cleanup_reaches_nothing_outside_its_namespace(objects: list[dict[str, Any]]) -> None:
    permissions = _permissions(objects, "vipkeeper-cleanup")
    assert permissions.keys() == {NAMESPACE}
    whole = {"/configmaps", "coordination.k8s.io/leases", "vipkeeper.dev/vrrpspeakers"}
    assert permissions[NAMESPACE] == {resource: {"deletecollection"} for resource in whole} | {"/pods": {"list"}}


def test_what_agents_may_write_is_under_a_policy_that_fails_closed(objects: list[dict[str, Any]]) -> None:
    """That the policies do what they say is tested on a real API server (tests/e2e/test_agent_permissions.py)."""
    covered = set()
    for policy in (item for item in objects if item["kind"] == "ValidatingAdmissionPolicy"):
        spec = policy["spec"]
        assert spec["failurePolicy"] == "Fail"
        (condition,) = spec["matchConditions"]
        assert f"'system:serviceaccount:{NAMESPACE}:{SPEAKER_SERVICE_ACCOUNT}'" in condition["expression"]
        binding = one(objects, "ValidatingAdmissionPolicyBinding", policy["metadata"]["name"])["spec"]
        assert binding["policyName"] == policy["metadata"]["name"]
        assert "Deny" in binding["validationActions"]
        assert "matchResources" not in binding
        for rule in spec["matchConstraints"]["resourceRules"]:
            assert {"CREATE", "UPDATE", "DELETE"} <= set(rule["operations"])
            covered |= {f"{group}/{resource}" for group in rule["apiGroups"] for resource in rule["resources"]}
    writable = {name for name, verbs in AGENT[NAMESPACE].items() if verbs - READ}
    assert covered == writable
