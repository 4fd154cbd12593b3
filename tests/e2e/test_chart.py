"""The chart on a real API server: taken as it is, refused where it would end badly, changed, and removed.

What the uninstalling test removes it installs again: the other tests of the session share one installation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.cluster.errors import CommandFailed
from tests.e2e.conftest import BLUE, MakeVip
from tests.e2e.support import installation, kube
from tests.e2e.support.installation import CHART, CONTROLLER, NAMESPACE, RELEASE
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import http_of
from tests.e2e.support.waiting import wait_until

ELSEWHERE = "e2e-elsewhere"
VALUES = [
    [],
    ["--set", "nginx.enabled=false,logLevel=Debug,networkPolicy.enabled=false"],
    ["--set", "commonLabels.team=network,imagePullSecrets[0].name=registry,ports.first=20000,ports.last=20099"],
    [
        "--set",
        "speaker.nodeSelector.role=edge,speaker.tolerations[0].operator=Exists,controller.resources.limits.cpu=1",
    ],
]


@pytest.fixture
def elsewhere(cluster: Cluster) -> Iterator[str]:
    """Another namespace, empty again at the end."""
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}}))
    yield ELSEWHERE
    cluster.kubectl("delete", "namespace", ELSEWHERE, "--wait=true", timeout_s=180)


def _refusal(cluster: Cluster, *arguments: str) -> str:
    with pytest.raises(CommandFailed) as refused:
        cluster.helm(*arguments)
    return refused.value.output


@pytest.mark.parametrize("values", VALUES, ids=lambda values: " ".join(values[1:]) or "defaults")
def test_the_api_server_takes_every_object_of_the_chart(values: list[str], installed: Cluster) -> None:
    version = json.loads(installed.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    where = ["--namespace", NAMESPACE, "--kube-version", version]
    rendered = installed.helm("template", RELEASE, str(CHART), *where, *installation.image_values(), *values)
    answered = installed.apply(rendered, "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict")
    assert "virtualips.vipkeeper.dev" in answered
    assert len(answered.splitlines()) == sum(line.startswith("kind:") for line in rendered.splitlines())


def test_a_second_installation_is_refused_with_the_place_of_the_first(installed: Cluster, elsewhere: str) -> None:
    said = _refusal(installed, "install", "second", str(CHART), "--namespace", elsewhere, "--dry-run=server")
    assert f'installed in this cluster already, as release "{RELEASE}" in namespace "{NAMESPACE}"' in said
    assert f"helm uninstall {RELEASE} --namespace {NAMESPACE}" in said


def test_an_upgrade_with_changed_values_replaces_the_operator_and_moves_nothing(lab: Lab, vip: MakeVip) -> None:
    web = vip({"nginx": http_of(BLUE)})
    lab.answering(web.address)
    kube.wait_for_pods(lab.cluster)
    speakers, controller = kube.pod_uids(lab.cluster), _controller_uids(lab.cluster)
    try:
        with lab.observed(web) as seen:
            installation.install(lab.cluster, ["--set", "commonLabels.team=network,ports.last=17493"])
        assert _controller_uids(lab.cluster).isdisjoint(controller)
        assert kube.pod_uids(lab.cluster) == speakers
        assert seen.no_owner_ms() == 0
        deployment = kube.get(lab.cluster, CONTROLLER, "-n", NAMESPACE)
        assert deployment["metadata"]["labels"]["team"] == "network"
    finally:
        installation.install(lab.cluster, ["--reset-values"])


def test_after_an_uninstall_only_crds_and_virtualips_are_left(lab: Lab, vip: MakeVip) -> None:
    cluster = lab.cluster
    web = vip({"nginx": http_of(BLUE)}, families="46")
    lab.answering(web.address)
    kube.wait_for_pods(cluster)
    try:
        installation.uninstall(cluster)
        assert not any(lab.owners.owners(address) for address in web.addresses)
        assert _left_in_namespace(cluster) == []
        assert _left_in_cluster(cluster) == {
            "customresourcedefinition.apiextensions.k8s.io/virtualips.vipkeeper.dev",
            "customresourcedefinition.apiextensions.k8s.io/vrrpspeakers.vipkeeper.dev",
        }
        assert [item["metadata"]["name"] for item in kube.items(cluster, "vip")] == [web.name]
    finally:
        installation.install(cluster)
    lab.answering(web.address)


def test_crds_that_a_removed_release_left_can_be_taken_over(lab: Lab, elsewhere: str) -> None:
    """The message names two commands; both are carried out here as they stand in it."""
    cluster = lab.cluster
    install = ["install", "other", str(CHART), "--namespace", elsewhere, "--dry-run=server"]
    installation.uninstall(cluster)
    try:
        said = _refusal(cluster, *install)
        assert f'was left by release "{RELEASE}" of namespace "{NAMESPACE}"' in said
        commands = [line.split()[1:] for line in said.splitlines() if line.strip().startswith("kubectl ")]
        assert len(commands) == 2
        for command in commands:
            cluster.kubectl(*command)
        cluster.helm(*install)
    finally:
        mine = [f"meta.helm.sh/release-name={RELEASE}", f"meta.helm.sh/release-namespace={NAMESPACE}"]
        crds = ["virtualips.vipkeeper.dev", "vrrpspeakers.vipkeeper.dev"]
        cluster.kubectl("annotate", "crd", *crds, "--overwrite", *mine)
        installation.install(cluster)


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_a_namespace_that_would_refuse_the_speakers_is_told_before_the_first_object(level: str, lab: Lab) -> None:
    cluster = lab.cluster
    label = ["label", "namespace", NAMESPACE, "--overwrite"]
    upgrade = ["upgrade", RELEASE, str(CHART), "--namespace", NAMESPACE, "--dry-run=server"]
    cluster.kubectl(*label, f"pod-security.kubernetes.io/enforce={level}")
    try:
        said = _refusal(cluster, *upgrade)
        assert f'Namespace {NAMESPACE} enforces Pod Security level "{level}"' in said
        assert f"kubectl label namespace {NAMESPACE} --overwrite pod-security.kubernetes.io/enforce=privileged" in said
        cluster.helm(*upgrade, "--set", "checks.podSecurity=false")
    finally:
        cluster.kubectl(*label, "pod-security.kubernetes.io/enforce=privileged")


def _controller_uids(cluster: Cluster) -> set[str]:
    pods = kube.items(cluster, "pods", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=controller")
    return {pod["metadata"]["uid"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}


def _left_in_namespace(cluster: Cluster) -> list[str]:
    """What Kubernetes does not put into every namespace itself. Pods of the ended Job take a moment to go."""
    kinds = cluster.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    listed = ",".join(kind for kind in kinds if not kind.startswith("events"))
    own = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}

    def left() -> list[str]:
        found = [_name(item) for item in kube.items(cluster, listed, "-n", NAMESPACE)]
        return [name for name in found if name not in own]

    try:
        wait_until("the namespace is empty", lambda: not left(), 30, every_s=1)
    except TimeoutError:
        pass
    return left()


def _name(item: dict[str, Any]) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def _left_in_cluster(cluster: Cluster) -> set[str]:
    """Whatever has our name, but the namespace, the nodes and theirs, VirtualIPs, and what the API server makes of a CRD."""
    kinds = cluster.kubectl("api-resources", "--namespaced=false", "--verbs=list", "-o", "name").split()
    others = ("namespaces", "nodes", "csinodes", "virtualips", "apiservices")
    listed = ",".join(kind for kind in kinds if not kind.startswith(others))
    everything = [*cluster.kubectl("get", listed, "-o", "name").split()]
    everything += cluster.kubectl("get", "role,rolebinding", "-n", "default", "-o", "name").split()
    return {name for name in everything if "vipkeeper" in name.split("/", 1)[1]}
