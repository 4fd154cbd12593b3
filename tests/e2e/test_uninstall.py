"""`helm uninstall` leaves the CRDs and the user's VirtualIPs; no address on any node, and nothing else of ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import BLUE, MakeVip
from tests.e2e.support import installation, kube
from tests.e2e.support.installation import NAMESPACE
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import http_of

CLUSTER_KINDS = "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
NAMESPACE_KINDS = "all,configmaps,secrets,serviceaccounts,roles,rolebindings,leases,networkpolicies,endpointslices"
OF_EVERY_NAMESPACE = {"kube-root-ca.crt", "default"}


@pytest.fixture
def _installed_again(lab: Lab) -> Iterator[None]:
    """For the tests that come after."""
    yield
    installation.install(lab.cluster)


@pytest.mark.usefixtures("_installed_again")
def test_uninstall_leaves_crds_and_virtual_ips_and_nothing_else_anywhere(lab: Lab, vip: MakeVip) -> None:
    kept = vip({"vrid": 111, "nginx": http_of(BLUE)}, "46")
    kept.wait_for("Ready")
    installation.uninstall(lab.cluster)
    for address in kept.addresses:
        lab.owners.wait_for(address, [], 60)
    kube.wait_for_no_pods(lab.cluster)
    assert kept.read()["spec"]["vrid"] == 111
    crds = {item["metadata"]["name"] for item in kube.items(lab.cluster, "crd")}
    assert {"virtualips.vipkeeper.dev", "vrrpspeakers.vipkeeper.dev"} <= crds
    assert not _names(lab, NAMESPACE_KINDS, "-n", NAMESPACE) - OF_EVERY_NAMESPACE
    assert not kube.items(lab.cluster, "vrrps", "-A")
    assert not {name for name in _names(lab, CLUSTER_KINDS) if "vipkeeper" in name}


@pytest.mark.usefixtures("_installed_again")
def test_installed_again_the_operator_takes_up_the_virtual_ips_that_are_there(lab: Lab, vip: MakeVip) -> None:
    kept = vip({"vrid": 112, "nginx": http_of(BLUE)})
    kept.wait_for("Ready")
    installation.uninstall(lab.cluster)
    lab.owners.wait_for(kept.address, [], 60)
    installation.install(lab.cluster)
    lab.owners.wait_for_one(kept.address, lab.workers, 60)
    lab.answering(kept.address)
    kept.wait_for("Ready")


def _names(lab: Lab, kinds: str, *arguments: str) -> set[str]:
    return {item["metadata"]["name"] for item in kube.items(lab.cluster, kinds, *arguments)}
