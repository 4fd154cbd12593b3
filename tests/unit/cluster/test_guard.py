"""A cluster that the tests did not make is refused, each time for a reason that can be read."""

from pathlib import Path

import pytest

from tests.cluster.guard import (
    CONTEXT,
    NotOurCluster,
    refuse_foreign_context,
    refuse_foreign_marker,
    refuse_other_targets,
    refuse_unmarked_nodes,
)
from tests.cluster.state import State

OWN = Path("/cache/cluster/kubeconfig")
STATE = State(provider="local", marker="beef")


def test_our_own_cluster_is_accepted() -> None:
    refuse_foreign_context(OWN, CONTEXT, OWN)
    assert refuse_foreign_marker(STATE, "beef") is STATE
    refuse_unmarked_nodes(STATE, ["vipkeeper-test-worker"])


def test_another_kubeconfig_is_refused() -> None:
    with pytest.raises(NotOurCluster, match="is not the kubeconfig"):
        refuse_foreign_context(Path("/home/somebody/.kube/config"), CONTEXT, OWN)


@pytest.mark.parametrize("context", ["production", "kind-kind", ""])
def test_another_context_is_refused(context: str) -> None:
    with pytest.raises(NotOurCluster, match="context"):
        refuse_foreign_context(OWN, context, OWN)


def test_a_cluster_with_another_marker_is_refused() -> None:
    with pytest.raises(NotOurCluster, match="marker"):
        refuse_foreign_marker(STATE, "cafe")
    with pytest.raises(NotOurCluster, match="no test cluster"):
        refuse_foreign_marker(None, "cafe")


def test_nodes_of_our_name_that_nobody_remembers_are_left_alone() -> None:
    refuse_unmarked_nodes(None, [])
    with pytest.raises(NotOurCluster, match="no test run made it"):
        refuse_unmarked_nodes(None, ["vipkeeper-test-worker"])


@pytest.mark.parametrize(
    "argument", ["--context=production", "--kubeconfig", "-s", "-shttps://other", "--kube-context=x"]
)
def test_kubectl_and_helm_cannot_be_sent_elsewhere(argument: str) -> None:
    with pytest.raises(NotOurCluster):
        refuse_other_targets(["get", "pods", argument])
    refuse_other_targets(["exec", "pod", "--", "curl", argument])
