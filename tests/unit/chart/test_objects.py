"""What charts/vipkeeper/templates makes: names that others rely on, the controller's pod, the network policy, the cleanup."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.chart.helm import CHART, NAMESPACE, Helm, one
from vipkeeper.spec import names


def _pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item["spec"]["template"] for item in objects if item["kind"] in ("Deployment", "Job")]


def _container(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (container,) = one(objects, "Deployment", "vipkeeper-controller")["spec"]["template"]["spec"]["containers"]
    return dict(container)


def test_the_names_that_the_operator_relies_on_are_there(objects: list[dict[str, Any]]) -> None:
    for name in (names.ANCHOR_CONFIGMAP, names.SETTINGS_CONFIGMAP, names.ENTRYPOINT_CONFIGMAP):
        one(objects, "ConfigMap", name, NAMESPACE)
    for name in (names.CONTROLLER_SERVICE_ACCOUNT, names.SPEAKER_SERVICE_ACCOUNT):
        one(objects, "ServiceAccount", name, NAMESPACE)


def test_the_entry_script_of_nginx_arrives_unchanged(objects: list[dict[str, Any]]) -> None:
    script = (CHART / "files/nginx-entrypoint.sh").read_text()
    assert one(objects, "ConfigMap", names.ENTRYPOINT_CONFIGMAP)["data"]["entrypoint.sh"].strip() == script.strip()


def test_nothing_is_named_after_the_release(objects: list[dict[str, Any]]) -> None:
    assert all("the-release" not in item["metadata"]["name"] for item in objects)


def test_nothing_of_the_chart_looks_like_the_operators_own_objects(objects: list[dict[str, Any]]) -> None:
    """The cleanup deletes by that label; what it took would be the chart's."""
    for item in objects:
        assert item["metadata"]["labels"][names.MANAGED_BY_LABEL] != names.MANAGED_BY, item["metadata"]["name"]


def test_there_is_never_a_second_controller(objects: list[dict[str, Any]]) -> None:
    spec = one(objects, "Deployment", "vipkeeper-controller")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_selectors_find_the_controllers_pod_and_no_other(objects: list[dict[str, Any]]) -> None:
    deployment = one(objects, "Deployment", "vipkeeper-controller")["spec"]
    policy = one(objects, "NetworkPolicy", "vipkeeper-controller")["spec"]
    for selector in (deployment["selector"]["matchLabels"], policy["podSelector"]["matchLabels"]):
        fitting = [pod for pod in _pods(objects) if selector.items() <= pod["metadata"]["labels"].items()]
        assert fitting == [deployment["template"]]


def test_pods_of_the_chart_pass_the_level_restricted(objects: list[dict[str, Any]]) -> None:
    pods = _pods(objects)
    assert len(pods) == 2
    for pod in pods:
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod["spec"].keys()
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["runAsUser"] == names.AGENT_ID
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"].keys() == {"requests", "limits"}


def test_the_controller_is_started_as_the_architecture_says(objects: list[dict[str, Any]]) -> None:
    container = _container(objects)
    assert container["command"] == ["python3", "-m", "vipkeeper.controller"]
    env = {item["name"]: item for item in container["env"]}
    assert env["POD_NAMESPACE"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.namespace"
    assert env["VIPKEEPER_LOG_LEVEL"]["value"] == "Info"
    assert {"name": "settings", "mountPath": "/etc/vipkeeper", "readOnly": True} in container["volumeMounts"]
    asked = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
    assert asked == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


def test_a_token_is_given_only_where_it_is_asked_for(objects: list[dict[str, Any]]) -> None:
    accounts = [item for item in objects if item["kind"] == "ServiceAccount"]
    assert len(accounts) == 3
    assert all(account["automountServiceAccountToken"] is False for account in accounts)
    assert all(pod["spec"]["automountServiceAccountToken"] is True for pod in _pods(objects))


def test_pull_secrets_and_scheduling_reach_both_pods(helm: Helm) -> None:
    toleration = {"key": "infra", "operator": "Exists", "effect": "NoSchedule"}
    objects = helm.render(
        {
            "imagePullSecrets": [{"name": "registry"}],
            "controller": {"nodeSelector": {"role": "infra"}, "tolerations": [toleration]},
        }
    )
    for pod in _pods(objects):
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
        assert pod["spec"]["nodeSelector"] == {"role": "infra"}
        assert pod["spec"]["tolerations"] == [toleration]


def test_by_default_the_controller_leaves_a_dead_node_after_20_seconds_and_tolerates_nothing_else(
    objects: list[dict[str, Any]],
) -> None:
    for pod in _pods(objects):
        tolerated = {item["key"]: item["tolerationSeconds"] for item in pod["spec"]["tolerations"]}
        assert tolerated == {"node.kubernetes.io/not-ready": 20, "node.kubernetes.io/unreachable": 20}


def test_the_controller_may_talk_to_the_api_server_and_dns_and_nobody_to_it(helm: Helm) -> None:
    objects = helm.render({"networkPolicy": {"apiServerPorts": [443, 6444]}})
    policy = one(objects, "NetworkPolicy", "vipkeeper-controller", NAMESPACE)["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == []
    ports = {(port["protocol"], port["port"]) for rule in policy["egress"] for port in rule["ports"]}
    assert ports == {("TCP", 443), ("TCP", 6444), ("UDP", 53), ("TCP", 53)}


def test_the_network_policy_may_be_left_out(helm: Helm) -> None:
    assert not [i for i in helm.render({"networkPolicy": {"enabled": False}}) if i["kind"] == "NetworkPolicy"]


@pytest.mark.parametrize("kind", ["ServiceAccount", "Role", "RoleBinding", "Job"])
def test_the_cleanup_and_its_permissions_exist_only_after_an_uninstall(
    kind: str, objects: list[dict[str, Any]]
) -> None:
    annotations = one(objects, kind, "vipkeeper-cleanup", NAMESPACE)["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "post-delete"
    assert set(annotations["helm.sh/hook-delete-policy"].split(",")) == {"before-hook-creation", "hook-succeeded"}


def test_the_cleanup_starts_after_its_permissions(objects: list[dict[str, Any]]) -> None:
    weights = [
        int(one(objects, kind, "vipkeeper-cleanup")["metadata"]["annotations"]["helm.sh/hook-weight"])
        for kind in ("Role", "RoleBinding", "Job")
    ]
    assert weights == sorted(set(weights))


def test_the_cleanup_ends_before_helm_loses_patience(objects: list[dict[str, Any]]) -> None:
    job = one(objects, "Job", "vipkeeper-cleanup")["spec"]
    (container,) = job["template"]["spec"]["containers"]
    command = container["command"]
    assert command[:4] == ["python3", "-m", "vipkeeper.cli", "cleanup"]
    assert command[command.index("--namespace") + 1] == NAMESPACE
    waits_s = int(command[command.index("--timeout-seconds") + 1])
    assert waits_s > 30, "the grace period of a speaker pod"
    assert waits_s * (job["backoffLimit"] + 1) < job["activeDeadlineSeconds"] < 300
