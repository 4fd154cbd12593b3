"""Which containers of a speaker pod can speak to the API server at all."""

from __future__ import annotations

from tests.e2e.conftest import MakeVip
from tests.e2e.support import kube
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab


def test_only_the_agent_of_a_speaker_pod_has_a_token(lab: Lab, vip: MakeVip) -> None:
    vip({"priority": 100})
    pod = kube.wait_for_pods(lab.cluster)[0]
    found = {
        container.name: "kubernetes.io/serviceaccount" in lab.cluster.exec(pod.node, ["cat", mounts]).stdout
        for container in lab.cluster.containers(pod.node, pod=pod.name, namespace=NAMESPACE)
        if (mounts := f"/proc/{container.pid}/mountinfo")
    }
    assert found == {"speaker": False, "agent": True, "nginx": False}
