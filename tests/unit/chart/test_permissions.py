"""Who may do what (charts/vipkeeper/templates/rbac-controller.yaml, rbac-speaker.yaml, admission-policy.yaml).

The tables below are the whole of it: one verb more is a failing test.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.unit.chart.helm import NAMESPACE, one
from vipkeeper.spec.names import CONTROLLER_SERVICE_ACCOUNT, SECRETS_ROLE, SPEAKER_SERVICE_ACCOUNT

READ = {"get", "list", "watch"}
APPLY = {"create", "patch"}
"""Server-side apply."""

CONTROLLER = {
    "": {
        "vipkeeper.dev/virtualips": READ,
        "vipkeeper.dev/virtualips/status": {"patch"},
        "/nodes": READ,
        "/pods": {"list", "watch"},
    },
    NAMESPACE: {
        "/configmaps": READ | APPLY | {"delete"},
        "apps/daemonsets": READ | APPLY | {"delete"},
        "/pods": READ | {"delete"},
        "/secrets": READ | APPLY | {"delete"},
        "rbac.authorization.k8s.io/roles": READ,
        f"rbac.authorization.k8s.io/roles/{SECRETS_ROLE}": APPLY,
        "vipkeeper.dev/vrrpspeakers": READ | {"delete"},
        "coordination.k8s.io/leases": {"list", "delete"},
    },
    "default": {
        "/events": {"create", "patch"},
    },
}

AGENT = {
    "": {"discovery.k8s.io/endpointslices": READ, "/services": READ, "/pods": {"list", "watch"}},
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
        if binding["roleRef"]["name"] == SECRETS_ROLE:
            continue  # the controller's, by name of each Secret: tests/unit/render/test_placement_secret.py
        role = one(objects, binding["roleRef"]["kind"], binding["roleRef"]["name"], namespace or None)
        for rule in role["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for name in rule.get("resourceNames", [""]):
                        found[namespace][
                            "/".join(filter(None, [group, resource, name])) if group else f"/{resource}"
                        ] |= set(rule["verbs"])
    return {namespace: dict(rules) for namespace, rules in found.items()}


def test_the_controller_may_do_what_it_needs_and_no_more(objects: list[dict[str, Any]]) -> None:
    assert _permissions(objects, CONTROLLER_SERVICE_ACCOUNT) == CONTROLLER


def test_an_agent_may_do_what_it_needs_and_no_more(objects: list[dict[str, Any]]) -> None:
    assert _permissions(objects, SPEAKER_SERVICE_ACCOUNT) == AGENT


def test_only_the_controller_reads_secrets_and_nobody_has_a_wildcard(objects: list[dict[str, Any]]) -> None:
    """And it in its own namespace only."""
    for role in (item for item in objects if item["kind"] in ("Role", "ClusterRole")):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            if "secrets" in rule["resources"]:
                assert (role["kind"], role["metadata"]["name"]) == ("Role", CONTROLLER_SERVICE_ACCOUNT)
                assert role["metadata"]["namespace"] == NAMESPACE


def test_the_agents_are_bound_to_the_role_that_the_controller_keeps(objects: list[dict[str, Any]]) -> None:
    binding = one(objects, "RoleBinding", SECRETS_ROLE)
    assert binding["roleRef"]["name"] == SECRETS_ROLE
    assert [subject["name"] for subject in binding["subjects"]] == [SPEAKER_SERVICE_ACCOUNT]
    assert not [item for item in objects if item["kind"] == "Role" and item["metadata"]["name"] == SECRETS_ROLE]


def test_the_cleanup_reaches_nothing_outside_its_namespace(objects: list[dict[str, Any]]) -> None:
    permissions = _permissions(objects, "vipkeeper-cleanup")
    assert permissions.keys() == {NAMESPACE}
    whole = {"/configmaps", "coordination.k8s.io/leases", "vipkeeper.dev/vrrpspeakers"}
    assert permissions[NAMESPACE] == {resource: {"deletecollection"} for resource in whole} | {"/pods": {"list"}}


@pytest.mark.parametrize(
    ("account", "resources"),
    [
        (SPEAKER_SERVICE_ACCOUNT, {name for name, verbs in AGENT[NAMESPACE].items() if verbs - READ}),
        (CONTROLLER_SERVICE_ACCOUNT, {"/secrets"}),
    ],
)
def test_what_is_written_is_under_a_policy_that_fails_closed(
    objects: list[dict[str, Any]], account: str, resources: set[str]
) -> None:
    """That the policies do what they say is tested on a real API server (tests/e2e/test_agent_permissions.py)."""
    covered = set()
    for policy in (item for item in objects if item["kind"] == "ValidatingAdmissionPolicy"):
        spec = policy["spec"]
        assert spec["failurePolicy"] == "Fail"
        (condition,) = spec["matchConditions"]
        if f"'system:serviceaccount:{NAMESPACE}:{account}'" not in condition["expression"]:
            continue
        binding = one(objects, "ValidatingAdmissionPolicyBinding", policy["metadata"]["name"])["spec"]
        assert binding["policyName"] == policy["metadata"]["name"]
        assert "Deny" in binding["validationActions"]
        assert "matchResources" not in binding
        for rule in spec["matchConstraints"]["resourceRules"]:
            assert {"CREATE", "UPDATE", "DELETE"} <= set(rule["operations"])
            covered |= {f"{group}/{resource}" for group in rule["apiGroups"] for resource in rule["resources"]}
    assert covered == resources
