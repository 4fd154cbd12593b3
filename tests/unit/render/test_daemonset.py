"""operator/vipkeeper/render/daemonset.py; tests/golden/daemonset-*.yaml go to a real API server in the e2e tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.golden import assert_golden_yaml
from vipkeeper.render.daemonset import Anchor, read_ports, render_daemonset
from vipkeeper.spec.placement import Placement, placement_of
from vipkeeper.spec.ports import PortBlock
from vipkeeper.spec.settings import OperatorSettings, parse_settings
from vipkeeper.spec.virtualip import Nodes

ANCHOR = Anchor("5bd11216-7380-4427-9b98-360a368155f1")
DEFAULT = placement_of(None)
CHOSEN = placement_of(
    Nodes.model_validate(
        {
            "selector": {
                "matchLabels": {"rack": "a"},
                "matchExpressions": [
                    {"key": "zone", "operator": "NotIn", "values": ["north", "south"]},
                    {"key": "edge", "operator": "Exists"},
                ],
            },
            "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}],
        }
    )
)
PLAIN = parse_settings("speakerImage: vipkeeper/vipkeeper:0.1.0\nnginxImage: nginx:1.28.0")
RICH = parse_settings(
    """
    speakerImage: vipkeeper/vipkeeper:0.1.0
    nginx: {enabled: false}
    imagePullSecrets: [registry]
    priorityClassName: ""
    nodeSelector: {edge: "yes"}
    tolerations: [{key: edge, operator: Exists, effect: NoSchedule}]
    """
)


def render(placement: Placement = DEFAULT, settings: OperatorSettings = PLAIN) -> dict[str, Any]:
    return render_daemonset(placement, PortBlock(17410), settings, "vipkeeper", ANCHOR)


def pod(placement: Placement = DEFAULT, settings: OperatorSettings = PLAIN) -> dict[str, Any]:
    spec: dict[str, Any] = render(placement, settings)["spec"]["template"]["spec"]
    return spec


def containers(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in [*spec.get("initContainers", []), *spec["containers"]]}


def env(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container["env"]}


@pytest.mark.parametrize(
    ("name", "placement", "settings"),
    [("default", DEFAULT, PLAIN), ("chosen-nodes", CHOSEN, PLAIN), ("without-nginx", DEFAULT, RICH)],
)
def test_the_whole_object(name: str, placement: Placement, settings: OperatorSettings) -> None:
    assert_golden_yaml(f"daemonset-{name}.yaml", render(placement, settings))


def test_the_operator_decides_when_a_pod_is_rolled() -> None:
    assert render()["spec"]["updateStrategy"] == {"type": "OnDelete"}


def test_the_template_depends_on_nothing_that_changes_with_time_or_owner() -> None:
    other = render_daemonset(DEFAULT, PortBlock(17410), PLAIN, "vipkeeper", Anchor("another"))
    assert other["spec"]["template"] == render()["spec"]["template"]


def test_it_is_owned_by_the_anchor_and_its_ports_can_be_read_back() -> None:
    rendered = render()
    (owner,) = rendered["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("ConfigMap", "vipkeeper-anchor", ANCHOR.uid)
    assert read_ports(rendered) == PortBlock(17410)


@pytest.mark.parametrize("annotations", [None, {}, {"vipkeeper.dev/ports": "many"}, {"vipkeeper.dev/ports": "٣"}])
def test_ports_that_cannot_be_read_are_none(annotations: dict[str, str] | None) -> None:
    assert read_ports({"metadata": {"annotations": annotations}}) is None


def test_the_token_is_in_the_agent_only() -> None:
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    holders = {
        name
        for name, item in containers(spec).items()
        if any(mount["name"] == "api-access" for mount in item["volumeMounts"])
    }
    assert holders == {"agent"}


def test_every_container_is_confined() -> None:
    spec = pod()
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for item in containers(spec).values():
        context = item["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"]["drop"] == ["ALL"]
        assert "privileged" not in context
        assert item["resources"]["requests"]
        assert "memory" in item["resources"]["limits"]


def test_capabilities_are_those_of_the_contract() -> None:
    added = {name: item["securityContext"]["capabilities"].get("add", []) for name, item in containers(pod()).items()}
    assert added == {
        "nginx": ["NET_BIND_SERVICE", "SETUID", "SETGID"],
        "speaker": ["NET_ADMIN", "NET_RAW", "SYS_NICE", "IPC_LOCK"],
        "agent": [],
    }
    assert containers(pod())["agent"]["securityContext"]["runAsNonRoot"] is True


def test_the_speaker_is_never_throttled() -> None:
    assert "cpu" not in containers(pod())["speaker"]["resources"]["limits"]


def test_no_container_declares_a_port_so_that_placements_may_overlap() -> None:
    assert all("ports" not in item for item in containers(pod()).values())


def test_nginx_is_a_native_sidecar_and_asked_on_loopback() -> None:
    (nginx,) = pod()["initContainers"]
    assert nginx["restartPolicy"] == "Always"
    assert nginx["readinessProbe"]["httpGet"] == {"host": "127.0.0.1", "port": 17410, "path": "/healthz"}
    assert env(nginx)["VIPKEEPER_READINESS_PORT"] == "17410"
    assert env(containers(pod())["agent"])["VIPKEEPER_READINESS_PORT"] == "17410"


def test_without_nginx_there_is_no_trace_of_it_and_the_others_know() -> None:
    spec = pod(settings=RICH)
    assert containers(spec).keys() == {"speaker", "agent"}
    assert {"cache", "entrypoint"}.isdisjoint(volume["name"] for volume in spec["volumes"])
    assert env(containers(spec)["speaker"])["VIPKEEPER_NGINX"] == "0"
    assert env(containers(spec)["agent"])["VIPKEEPER_NGINX"] == "0"
    assert "VIPKEEPER_NGINX" not in env(containers(pod())["agent"])


def test_every_mount_has_its_volume_and_every_volume_its_mount() -> None:
    for spec in (pod(), pod(settings=RICH)):
        volumes = {volume["name"] for volume in spec["volumes"]}
        mounted = {mount["name"] for item in containers(spec).values() for mount in item["volumeMounts"]}
        assert mounted == volumes


def test_nodes_are_chosen_by_placement_and_installation_together() -> None:
    spec = pod(CHOSEN, RICH)
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert {"key": "rack", "operator": "In", "values": ["a"]} in term["matchExpressions"]
    assert {"key": "edge", "operator": "Exists"} in term["matchExpressions"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "edge": "yes"}
    assert [item["key"] for item in spec["tolerations"]] == ["edge", "node-role.kubernetes.io/control-plane"]
    assert "affinity" not in pod()


def test_the_state_folder_is_the_placements_own() -> None:
    paths = {volume["hostPath"]["path"] for volume in pod(CHOSEN)["volumes"] if "hostPath" in volume}
    assert paths == {f"/var/lib/vipkeeper/{CHOSEN.name}", "/proc/sys/net"}


def test_an_empty_priority_class_is_the_clusters_default() -> None:
    assert pod()["priorityClassName"] == "system-node-critical"
    assert "priorityClassName" not in pod(settings=RICH)
