"""The operator as a process, against a real API server that it has for itself, with exactly the chart's rights.

This covers what touches the API: controller/api.py, apply.py, loop.py, handlers.py, framework.py and __main__.py.
Nodes, kubelets and agents are played by the test (`Stage`): nobody forwards a packet here.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.local_programs import local_programs
from tests.cluster.paths import ROOT
from tests.cluster.programs import kubernetes_version
from tests.e2e.support.own_api_server import (
    CONTROLLER_TOKEN,
    NAMESPACE,
    OwnApiServer,
    environment,
    own_api_server,
)
from tests.e2e.support.waiting import wait_until
from vipkeeper.render.configmap import read_configmap
from vipkeeper.spec import names

NODES = ("w1", "w2", "w3")
CHART = ROOT / "charts/vipkeeper"
SOON_S = 20.0
"""Generous: the machine may be busy."""
ASKED_AGAIN_S = 10.0 + SOON_S
"""For what the operator asks for each ten seconds."""

Object = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnApiServer]:
    programs = local_programs()
    if programs is None:
        pytest.skip("kube-apiserver and etcd are built only where the test cluster is local")
    with own_api_server(programs.folder) as running:
        _install_chart(running)
        running.start_controllers()
        for node in NODES:
            labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": node}
            running.kubectl("create", "-f", "-", stdin=json.dumps(_object("v1", "Node", node, labels=labels)))
        yield running


def _install_chart(server: OwnApiServer) -> None:
    server.kubectl("create", "namespace", NAMESPACE)
    server.kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=privileged")
    objects = [
        item for item in yaml.safe_load_all(server.helm_template(CHART, "--kube-version", kubernetes_version())) if item
    ]
    kinds = ("CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ConfigMap")
    wanted = [item for item in objects if item["kind"] in kinds and "helm.sh/hook" not in _annotations(item)]
    for item in wanted:
        item["metadata"].setdefault("namespace", NAMESPACE)
        if item["kind"] in ("CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"):
            del item["metadata"]["namespace"]
    server.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(wanted))
    server.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")


class Stage:
    """Everybody but the operator."""

    def __init__(self, server: OwnApiServer, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.log = folder / "controller.log"
        settings = server.get("configmap", names.SETTINGS_CONFIGMAP, "-n", NAMESPACE)[0]
        self.settings: Object = yaml.safe_load(settings["data"]["settings.yaml"])  # type: ignore[index]

    # ---- the operator

    def start_operator(self) -> None:
        path = self._folder / "settings.yaml"
        path.write_text(yaml.safe_dump(self.settings))
        self._port = 20000 + os.getpid() % 20000
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vipkeeper.controller"],
                env=environment(
                    self.server.kubeconfig(CONTROLLER_TOKEN),
                    POD_NAMESPACE=NAMESPACE,
                    VIPKEEPER_SETTINGS=str(path),
                    VIPKEEPER_PROBE_PORT=str(self._port),
                ),
                stdout=log,
                stderr=log,
            )
        wait_until("the operator is ready", lambda: self.probe("readyz") == 200, SOON_S, 0.1)

    def stop_operator(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        code = self._process.wait(SOON_S)
        self._process = None
        return code

    def freeze_operator(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw_operator(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        if self._process is not None:
            self.stop_operator(signal.SIGKILL)

    def probe(self, path: str) -> int:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=2) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    # ---- the user

    def apply(self, name: str, **spec: Any) -> None:
        value = _object(names.API_VERSION, names.VIRTUALIP_KIND, name) | {"spec": spec}
        self.server.kubectl("apply", "-f", "-", stdin=json.dumps(value))

    def delete(self, name: str) -> None:
        self.server.kubectl("delete", "virtualip", name, "--wait=false")

    def virtualip(self, name: str) -> Object:
        return self.server.get("virtualip", name)[0]

    def status(self, name: str) -> Object:
        status: Object = self.virtualip(name).get("status") or {}
        return status

    def accepted(self, name: str) -> Object:
        conditions = self.status(name).get("conditions", [])
        return next((item for item in conditions if item["type"] == "Accepted"), {})

    # ---- what the operator made

    def documents(self) -> dict[str, Any]:
        selector = f"{names.COMPONENT_LABEL}={names.VIRTUALIP_COMPONENT}"
        found = self.server.get("configmap", "-n", NAMESPACE, "-l", selector)
        return {document.name: document for document in map(read_configmap, found)}

    def daemonsets(self) -> dict[str, Object]:
        return {str(item["metadata"]["name"]): item for item in self.server.get("daemonset", "-n", NAMESPACE)}  # type: ignore[index]

    def pods(self) -> dict[str, Object]:
        """By node."""
        return {_node_of(item): item for item in self.server.get("pod", "-n", NAMESPACE)}

    # ---- scheduler, kubelets and agents

    def play_kubelets(self) -> None:
        """Bind what is new, make it Ready, finish what ends."""
        for node, pod in self.pods().items():
            name = pod["metadata"]["name"]
            if pod["metadata"].get("deletionTimestamp"):
                self.server.kubectl("delete", "pod", name, "-n", NAMESPACE, "--force", "--grace-period=0", check=False)
                continue
            if not pod["spec"].get("nodeName"):
                target = {"apiVersion": "v1", "kind": "Node", "name": node}
                binding = _object("v1", "Binding", name) | {"target": target}
                path = f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/binding"
                self.server.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(binding))
            ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
            self._patch("pod", name, ready)

    def force_pods_away(self) -> list[Object]:
        """Nobody plays kubelet for the last ones. Returns what was there."""
        force = ("--force", "--grace-period=0", "--wait=false")
        self.server.kubectl("delete", "pod", "--all", "-n", NAMESPACE, *force, check=False)
        return self.server.get("pod", "-n", NAMESPACE)

    def play_agents(self, active: str) -> None:
        """Every node reports every document; `active` holds all of them."""
        for node in NODES:
            reports = [_report(document, node, node == active) for document in self.documents().values()]
            name = names.speaker_name("default", node)
            speaker = _object(names.API_VERSION, names.SPEAKER_KIND, name, namespace=NAMESPACE)
            speaker |= {"spec": {"nodeName": node, "placement": "default"}}
            lease = _object("coordination.k8s.io/v1", "Lease", names.lease_name("default", node), namespace=NAMESPACE)
            lease["metadata"]["labels"] = names.speaker_labels("default")
            lease |= {"spec": {"renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
            self.server.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([speaker, lease]))
            self._patch("vrrpspeaker", name, {"status": {"engineVersion": "0", "virtualRouters": reports}})

    def _patch(self, kind: str, name: str, value: Object) -> None:
        text = json.dumps(value)
        self.server.kubectl("patch", kind, name, "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", text)


def _object(api_version: str, kind: str, name: str, labels: Object | None = None, namespace: str = "") -> Object:
    metadata: Object = {"name": name} | ({"labels": labels} if labels else {})
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _annotations(item: Object) -> Object:
    annotations: Object = item["metadata"].get("annotations") or {}
    return annotations


def _node_of(pod: Object) -> str:
    """Where the DaemonSet controller wants it, by its node affinity."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def _report(document: Any, node: str, active: bool) -> Object:
    return {
        "name": document.name,
        "uid": document.uid,
        "generation": document.generation,
        "vrid": document.vrid,
        "state": "Active" if active else "Backup",
        "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "priority": document.nodes[node].priority,
        "reason": "NoResponse",
        "interface": "eth0",
        "segment": "192.0.2.0/24",
    }


@pytest.fixture
def stage(server: OwnApiServer, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(server, tmp_path)
    made.start_operator()
    yield made
    if "refused by the API server" in made.log.read_text():
        pytest.fail(made.log.read_text())
    _clear(made)


def _clear(stage: Stage) -> None:
    stage.server.kubectl("delete", "virtualip", "--all", "--wait=false")
    stage.end()
    stage.server.kubectl("delete", "daemonset,vrrpspeaker,lease", "--all", "-n", NAMESPACE)
    wait_until("no pod is left", lambda: not stage.force_pods_away(), SOON_S)
    rendered = f"{names.COMPONENT_LABEL}={names.VIRTUALIP_COMPONENT}"
    stage.server.kubectl("delete", "configmap", "-l", rendered, "-n", NAMESPACE)  # the collector may be slow


def _eventually(what: str, ask: Callable[[], Any], timeout_s: float = SOON_S) -> Any:
    return wait_until(what, ask, timeout_s, 0.1)


def test_apply_brings_a_document_a_daemonset_and_a_status(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"])
    document = _eventually("the document", lambda: stage.documents().get("web"))
    assert sorted(document.nodes) == sorted(NODES)
    assert stage.status("web")["vrid"] == document.vrid
    assert stage.accepted("web")["status"] == "True"
    daemonset = stage.daemonsets()["vipkeeper-speaker-default"]
    assert daemonset["metadata"]["ownerReferences"][0]["name"] == names.ANCHOR_CONFIGMAP
    _eventually("the DaemonSet's pods", lambda: sorted(stage.pods()) == sorted(NODES))


def test_the_virtualip_carries_no_finalizer_and_no_annotation_of_ours(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _eventually("the status", lambda: stage.accepted("web"))
    metadata = stage.virtualip("web")["metadata"]
    assert "finalizers" not in metadata
    assert list(metadata["annotations"]) == ["kubectl.kubernetes.io/last-applied-configuration"]


def test_a_settled_cluster_sees_no_write_not_even_after_a_killed_operator(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"])
    _settle(stage, active="w1")
    before = stage.server.writes_of_the_controller()
    assert before, "the audit log must see the operator"
    stage.stop_operator(signal.SIGKILL)
    stage.start_operator()
    stage.server.kubectl("label", "node", "w1", "noise=1", "--overwrite")
    stage.server.kubectl("label", "node", "w1", "noise-")
    time.sleep(3)  # nothing to wait for: the absence of writes is the point
    assert stage.server.writes_of_the_controller() == before


def test_status_and_events_follow_the_speakers(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _settle(stage, active="w1")
    _eventually("w1 is active", lambda: stage.status("web").get("activeNode") == "w1")
    stage.play_agents(active="w2")
    _eventually("w2 is active", lambda: stage.status("web").get("activeNode") == "w2")
    described = stage.server.kubectl("describe", "vip", "web")
    assert "192.0.2.10 moved from w1 to w2" in described


def test_a_bad_edit_names_the_field_and_changes_nothing(stage: Stage) -> None:
    stage.apply("first", addresses=["192.0.2.10"], vrid=51)
    created = stage.virtualip("first")["metadata"]["creationTimestamp"]
    _eventually("the API server's clock ticks", lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") > created)
    stage.apply("second", addresses=["192.0.2.11"], vrid=52)
    _eventually("both documents", lambda: len(stage.documents()) == 2)
    before = stage.documents()["second"]
    stage.apply("second", addresses=["192.0.2.10"], vrid=52)
    _eventually("the refusal", lambda: stage.accepted("second").get("status") == "False")
    assert "spec.addresses[0]" in stage.accepted("second")["message"]
    assert stage.documents()["second"] == before


def test_deletion_works_with_the_operator_down_and_its_pods_go_when_it_returns(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _eventually("the document", stage.documents)
    stage.stop_operator(signal.SIGKILL)
    stage.delete("web")
    _eventually("the garbage collector took the document", lambda: not stage.documents())
    stage.start_operator()
    _eventually("the DaemonSet is gone", lambda: not stage.daemonsets())


def test_a_placements_secret_and_the_role_that_names_it_follow_the_users_secret(stage: Stage) -> None:
    source = {"secretRef": {"name": "web-vrrp", "key": "key-1"}}
    hmac = {"keys": [{"id": 1} | source]}
    kubectl = stage.server.kubectl
    try:
        stage.apply("signed", vrid=77, addresses=["192.0.2.77"], vrrp={"authentication": {"hmac": hmac}})
        _eventually("the missing Secret is told", lambda: stage.accepted("signed").get("reason") == "SecretMissing")
        kubectl("create", "secret", "generic", "web-vrrp", "-n", NAMESPACE, f"--from-literal=key-1={'1' * 32}")
        _eventually("it is taken", lambda: stage.accepted("signed").get("status") == "True")
        (copy,) = stage.server.get("secret", names.placement_secret_name("default"), "-n", NAMESPACE)
        assert set(copy["data"]) == {"web-vrrp_key-1", "vipkeeper-peer-keys_keys"}  # type: ignore[call-overload]
        assert copy["data"]["web-vrrp_key-1"] == b64encode(b"1" * 32).decode()  # type: ignore[index]
        (role,) = stage.server.get("role", names.SECRETS_ROLE, "-n", NAMESPACE)
        assert role["rules"][0]["resourceNames"] == [names.placement_secret_name("default")]  # type: ignore[index]
    finally:
        stage.delete("signed")
        kubectl("delete", "secret", "web-vrrp", "-n", NAMESPACE, "--ignore-not-found")
    assert "1" * 32 not in stage.log.read_text()
    assert b64encode(b"1" * 32).decode() not in stage.log.read_text()


def test_a_secret_of_another_namespace_is_read_with_the_right_that_the_condition_asks_for(stage: Stage) -> None:
    """The commands are taken from the message. What runs keeps its keys when the right is taken back."""
    kubectl = stage.server.kubectl
    source = {"secretRef": {"namespace": "shop", "name": "web-vrrp", "key": "key-1"}}
    kubectl("create", "namespace", "shop", check=False)
    try:
        for name in ("web-vrrp", "private"):
            kubectl("create", "secret", "generic", name, "-n", "shop", f"--from-literal=key-1={'1' * 32}")
        stage.apply("signed", vrid=77, addresses=["192.0.2.77"], vrrp=_signed_with(source))
        _eventually(
            "the refusal", lambda: "may not read Secret web-vrrp" in stage.accepted("signed").get("message", "")
        )
        assert stage.accepted("signed")["reason"] == "SecretMissing"
        for command in stage.accepted("signed")["message"].partition("kubectl ")[2].split(" && kubectl "):
            kubectl(*command.split())
        _eventually("it is taken", lambda: stage.accepted("signed").get("status") == "True", ASKED_AGAIN_S)
        assert _copied(stage, "_shop_web-vrrp_key-1") == "1" * 32
        assert "_shop_web-vrrp_key-1" in stage.documents()["signed"].secrets
        assert _may(stage.server, "get", "secret/web-vrrp") == "yes"
        assert _may(stage.server, "get", "secret/private") == _may(stage.server, "list", "secrets") == "no"

        secret = _object("v1", "Secret", "web-vrrp", namespace="shop") | {"stringData": {"key-1": "2" * 32}}
        kubectl("apply", "-f", "-", stdin=json.dumps(secret))
        _eventually("another key is taken", lambda: _copied(stage, "_shop_web-vrrp_key-1") == "2" * 32, ASKED_AGAIN_S)
        kubectl("delete", "rolebinding", "vipkeeper-web-vrrp", "-n", "shop")
        _eventually("the loss is told", lambda: stage.accepted("signed").get("status") == "False", ASKED_AGAIN_S)
        assert _copied(stage, "_shop_web-vrrp_key-1") == "2" * 32
        assert "signed" in stage.documents()
        kubectl("create", "rolebinding", "again", "-n", "shop", "--role=vipkeeper-web-vrrp",
                f"--serviceaccount={NAMESPACE}:{names.CONTROLLER_SERVICE_ACCOUNT}")  # fmt: skip
        _eventually("it is taken again", lambda: stage.accepted("signed").get("status") == "True", ASKED_AGAIN_S)
        kubectl("delete", "secret", "web-vrrp", "-n", "shop")
        _eventually(
            "its end",
            lambda: "there is no Secret web-vrrp in namespace shop" in stage.accepted("signed")["message"],
            ASKED_AGAIN_S,
        )
        assert _copied(stage, "_shop_web-vrrp_key-1") == "2" * 32
    finally:
        stage.delete("signed")
        kubectl("delete", "secret,role,rolebinding", "--all", "-n", "shop")
    assert "Traceback" not in stage.log.read_text()
    assert "1" * 32 not in stage.log.read_text()


def _signed_with(source: Object) -> Object:
    return {"authentication": {"hmac": {"keys": [{"id": 1} | source]}}}


def _copied(stage: Stage, reference: str) -> str:
    (copy,) = stage.server.get("secret", names.placement_secret_name("default"), "-n", NAMESPACE)
    return b64decode(copy["data"][reference]).decode()  # type: ignore[index]


BAD_REFERENCES = sorted((ROOT / "tests/golden/bad_specs").glob("*secret-*.yaml"))


@pytest.mark.parametrize("file", BAD_REFERENCES, ids=lambda file: file.stem)
def test_the_schema_refuses_a_bad_reference_to_a_secret(server: OwnApiServer, file: Path) -> None:
    head = dict(re.findall(r"^# (Field|Message): (.*)$", file.read_text(), re.MULTILINE))
    with pytest.raises(AssertionError) as refused:
        server.kubectl("create", "-f", str(file))
    assert head["Field"] in str(refused.value)
    assert head["Message"] in str(refused.value)


def test_the_role_in_the_manual_lets_the_operator_get_that_one_secret(server: OwnApiServer) -> None:
    text = (ROOT / "docs/nginx.md").read_text()
    (role,) = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "kind: RoleBinding" in block]
    server.kubectl("create", "namespace", "shop", check=False)
    server.kubectl("apply", "-f", "-", stdin=role)
    assert _may(server, "get", "secret/www-example-com") == "yes"
    assert _may(server, "get", "secret/other") == _may(server, "list", "secrets") == "no"


def _may(server: OwnApiServer, verb: str, what: str) -> str:
    """The operator, in namespace shop: yes or no."""
    account = f"system:serviceaccount:{NAMESPACE}:{names.CONTROLLER_SERVICE_ACCOUNT}"
    answer = server.kubectl("auth", "can-i", verb, what, "-n", "shop", f"--as={account}", check=False)
    return answer.split()[0]


def test_the_operator_works_again_within_seconds_when_the_api_server_returns(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _eventually("the document", stage.documents)
    stage.server.crash_api_server()
    time.sleep(25)  # long enough for growing pauses to grow
    assert stage.probe("healthz") == stage.probe("readyz") == 200
    stage.server.restart_api_server()
    stage.apply("more", addresses=["192.0.2.11"], vrid=52)
    started = time.monotonic()
    _eventually("the new document", lambda: "more" in stage.documents())
    assert time.monotonic() - started < 10
    stage.apply("more", addresses=["192.0.2.12"], vrid=52)
    _eventually("watches work, too", lambda: stage.documents()["more"].generation == 2, 5)


def test_a_deletion_that_no_watch_has_seen_is_noticed(stage: Stage) -> None:
    """The operator sleeps, its watches break, the API server forgets what happened: kopf never hears of it."""
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    stage.apply("other", addresses=["192.0.2.11"], vrid=52)
    _eventually("both documents", lambda: len(stage.documents()) == 2)
    stage.freeze_operator()
    stage.delete("web")
    stage.delete("other")
    stage.server.crash_api_server()
    stage.server.restart_api_server()
    stage.thaw_operator()
    _eventually("the DaemonSet is gone", lambda: not stage.daemonsets(), 30)


def test_a_configmap_that_was_deleted_by_hand_comes_back(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _eventually("the document", stage.documents)
    stage.server.kubectl("delete", "configmap", "virtualip-web", "-n", NAMESPACE)
    _eventually("the document again", stage.documents)


def test_a_new_image_is_rolled_out_one_by_one_and_the_active_node_is_the_last(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _settle(stage, active="w1")
    first = {node: pod["metadata"]["uid"] for node, pod in stage.pods().items()}
    stage.stop_operator(signal.SIGTERM)
    stage.settings["speakerImage"] = "vipkeeper:next"
    stage.start_operator()
    order: list[str] = []

    def rolled_out() -> bool:
        stage.play_kubelets()
        stage.play_agents(active="w1")
        pods = stage.pods()
        replaced = [node for node in NODES if node in pods and pods[node]["metadata"]["uid"] != first[node]]
        order.extend(node for node in replaced if node not in order)
        return len(order) == len(NODES)

    wait_until("all pods are new", rolled_out, 60, 0.1)
    assert order[-1] == "w1"
    images = {pod["spec"]["containers"][0]["image"] for pod in stage.pods().values()}
    assert images == {"vipkeeper:next"}


def test_a_drain_is_noticed_by_an_eviction_and_forgotten_when_the_node_takes_pods_again(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _settle(stage, active="w1")
    victim = _object("v1", "Pod", "victim", namespace="default")
    victim["spec"] = {"nodeName": "w2", "containers": [{"name": "c", "image": "none"}]}
    stage.server.kubectl("create", "-f", "-", stdin=json.dumps(victim))
    try:
        stage.server.kubectl("cordon", "w2")
        time.sleep(2)
        assert _leaving(stage) == {}, "a cordon is no drain"
        eviction = _object("policy/v1", "Eviction", "victim", namespace="default")
        path = "/api/v1/namespaces/default/pods/victim/eviction"
        stage.server.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
        _eventually("the drain is told", lambda: _leaving(stage) == {"w2": "Draining"})
        stage.server.kubectl("delete", "pod", "victim", "--force", "--grace-period=0")
        stage.stop_operator(signal.SIGKILL)
        stage.start_operator()
        count = len(stage.server.writes_of_the_controller())
        time.sleep(2)
        assert _leaving(stage) == {"w2": "Draining"}
        assert len(stage.server.writes_of_the_controller()) == count, "in steady state nothing is written"
        stage.server.kubectl("uncordon", "w2")
        _eventually("it is over", lambda: _leaving(stage) == {})
    finally:
        stage.server.kubectl("uncordon", "w2")
        stage.server.kubectl("delete", "pod", "victim", "--force", "--grace-period=0", check=False)
    assert "Traceback" not in stage.log.read_text()
    assert "goes unnoticed" not in stage.log.read_text(), stage.log.read_text()


def _leaving(stage: Stage) -> dict[str, str]:
    return {node: share.leaving for node, share in stage.documents()["web"].nodes.items() if share.leaving}


def test_a_termination_is_clean_and_touches_nothing(stage: Stage) -> None:
    stage.apply("web", addresses=["192.0.2.10"], vrid=51)
    _eventually("the document", stage.documents)
    assert stage.stop_operator(signal.SIGTERM) == 0
    assert list(stage.documents()) == ["web"]
    assert list(stage.daemonsets()) == ["vipkeeper-speaker-default"]
    assert "Traceback" not in stage.log.read_text()


def _settle(stage: Stage, active: str) -> None:
    """Pods run, agents report, and the operator has nothing left to write."""
    _eventually("the document", stage.documents)
    _eventually("pods", lambda: sorted(stage.pods()) == sorted(NODES))
    stage.play_kubelets()
    stage.play_agents(active)
    _eventually("programmed", lambda: stage.status("web").get("observedGeneration"))
    quiet = 0
    count = len(stage.server.writes_of_the_controller())
    deadline = time.monotonic() + SOON_S
    while quiet < 20:
        assert time.monotonic() < deadline, stage.server.writes_of_the_controller()[-20:]
        time.sleep(0.1)
        now = len(stage.server.writes_of_the_controller())
        quiet, count = (quiet + 1, count) if now == count else (0, now)
