"""Keys from a Secret reach every node and no log; they change without a gap; one that is missing is told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from tests.e2e.conftest import BLUE, Figure, temporary_vip
from tests.e2e.support import kube
from tests.e2e.support.adverts import heard_adverts
from tests.e2e.support.installation import CONTROLLER, NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import NO_GAP_MS, NO_HTTP_GAP_MS
from tests.e2e.support.virtualips import Vip, http_of, prefer
from tests.e2e.support.waiting import wait_until

SECRET = "e2e-vrrp"
KEYS = {1: "0123456789abcdef" * 4, 2: "fedcba9876543210" * 4}
VRID = 71
SOON_S = 20
IN_THE_CLUSTER = f"system:serviceaccount:{NAMESPACE}:vipkeeper-controller"


def put_secret(lab: Lab, keys: Mapping[int, str]) -> None:
    data = {f"key-{number}": key for number, key in keys.items()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET, "namespace": NAMESPACE}}
    lab.cluster.apply(json.dumps(secret | {"stringData": data}))


def signed(keys: Sequence[int], active: int) -> dict[str, Any]:
    sources = [{"id": number, "secretRef": {"name": SECRET, "key": f"key-{number}"}} for number in keys]
    return {"authentication": {"hmac": {"activeKey": active, "keys": sources}}}


@pytest.fixture
def secret(lab: Lab) -> Iterator[None]:
    yield
    lab.cluster.kubectl("delete", "secret", SECRET, "-n", NAMESPACE, "--ignore-not-found")


def is_refused(vip: Vip) -> bool:
    condition = vip.condition("Accepted")
    return condition.get("status") == "False" and condition["reason"] == "SecretMissing"


@pytest.mark.usefixtures("secret")
def test_keys_come_from_a_secret_and_change_without_a_gap_and_a_missing_one_is_told(lab: Lab, figure: Figure) -> None:
    node = lab.workers[0]
    spec = {"vrid": VRID, "vrrp": signed([1], 1), "nodes": {"priorities": prefer(node)}, "nginx": http_of(BLUE)}
    with temporary_vip(lab, spec) as vip:
        wait_until("the missing Secret is told", lambda: is_refused(vip), SOON_S)
        assert f"there is no Secret {SECRET} in namespace {NAMESPACE}" in vip.condition("Accepted")["message"]
        assert not lab.owners.owners(vip.address)
        put_secret(lab, {1: KEYS[1]})
        lab.settle(vip, node)
        kube.wait_for_pods(lab.cluster)
        assert {advert.key_id for advert in heard_adverts(lab.observer, VRID)} == {1}
        _rotate(lab, vip, node, figure)
        _lose_it(lab, vip, node)
        _look_for_keys(lab, vip)


def _rotate(lab: Lab, vip: Vip, node: str, figure: Figure) -> None:
    with lab.observed(vip) as seen:
        put_secret(lab, KEYS)
        for keys, active in (([1, 2], 1), ([1, 2], 2), ([2], 2)):
            vip.patch({"vrrp": signed(keys, active)})
            vip.wait_until_run(SOON_S)
            assert {advert.key_id for advert in heard_adverts(lab.observer, VRID)} == {active}
    assert seen.no_owner_ms() == seen.two_owners_ms() == 0, seen.story()
    assert lab.owners.owners(vip.address) == {node}
    figure("keys changed: ping gap", seen.ping_gap_ms, NO_GAP_MS, seen)
    figure("keys changed: HTTP gap", seen.http_gap_ms, NO_HTTP_GAP_MS, seen)


def _lose_it(lab: Lab, vip: Vip, node: str) -> None:
    """What runs goes on, also in a pod that is new."""
    lab.cluster.kubectl("delete", "secret", SECRET, "-n", NAMESPACE)
    wait_until("the missing Secret is told", lambda: is_refused(vip), SOON_S)
    backup = next(name for name in lab.workers if name != node)
    lab.cluster.kubectl("delete", "pod", kube.speaker_pod(lab.cluster, backup).name, "-n", NAMESPACE)
    kube.wait_for_pods(lab.cluster)
    wait_until("the new pod has the key", lambda: _state_on(vip, backup) == "Backup", SOON_S)
    assert lab.owners.owners(vip.address) == {node}
    put_secret(lab, {2: KEYS[2]})
    vip.wait_for("Accepted", SOON_S)


def _state_on(vip: Vip, node: str) -> str:
    return next((str(item["state"]) for item in vip.status.get("nodes", []) if item["name"] == node), "")


def _look_for_keys(lab: Lab, vip: Vip) -> None:
    """Neither in the document, nor in a status, nor in any log of ours."""
    texts = [json.dumps(vip.read()), json.dumps(kube.items(lab.cluster, "configmap,vrrpspeaker", "-n", NAMESPACE))]
    texts.append(lab.cluster.kubectl("logs", CONTROLLER, "-n", NAMESPACE, "--tail=-1"))
    names = [pod.name for pod in kube.speaker_pods(lab.cluster)]
    texts += [lab.cluster.kubectl("logs", name, "-n", NAMESPACE, "--all-containers", "--tail=-1") for name in names]
    for key in KEYS.values():
        assert not [text for text in texts if key in text]


@pytest.mark.usefixtures("secret")
def test_the_controller_can_neither_change_nor_delete_a_users_secret(lab: Lab) -> None:
    put_secret(lab, KEYS)
    patch = ["patch", "secret", SECRET, "--type=merge", "-p", '{"stringData":{"key-1":"x"}}']
    for command in (patch, ["delete", "secret", SECRET]):
        kubectl = ["kubectl", f"--as={IN_THE_CLUSTER}", *command, "-n", NAMESPACE]
        done = lab.cluster.host_run(kubectl, check=False)
        assert done.returncode != 0
        assert "names begin with vipkeeper-" in done.stderr
