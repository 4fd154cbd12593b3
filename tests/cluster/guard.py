"""Refuses every cluster that the tests did not make.

Three things must agree: the kubeconfig is our own file, its context is the one kind made for our name, and the cluster
holds the marker that we wrote down before it was made. A developer's kubeconfig is never read, so it cannot be hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.paths import CLUSTER_NAME
from tests.cluster.state import State

CONTEXT = f"kind-{CLUSTER_NAME}"
MARKER_NAME = CLUSTER_NAME
MARKER_NAMESPACE = "kube-system"


class NotOurCluster(ClusterError):
    """The cluster is somebody else's, or nobody knows whose."""


def refuse_foreign_context(kubeconfig: Path, context: str, own_kubeconfig: Path) -> None:
    if kubeconfig.resolve() != own_kubeconfig.resolve():
        raise NotOurCluster(f"{kubeconfig} is not the kubeconfig of the test cluster ({own_kubeconfig})")
    if context != CONTEXT:
        raise NotOurCluster(f"the current context is {context or 'not set'!r}, the test cluster's is {CONTEXT!r}")


def refuse_foreign_marker(state: State | None, found: str) -> State:
    if state is None:
        raise NotOurCluster("no test cluster was made here: run `.venv/bin/python -m tests.cluster up`")
    if found != state.marker:
        raise NotOurCluster(f"the cluster does not hold the marker of the test cluster (it says {found!r})")
    return state


def refuse_unmarked_nodes(state: State | None, containers: list[str]) -> None:
    """Containers that carry our cluster's name, but no run of ours is known: hands off."""
    if state is None and containers:
        raise NotOurCluster(
            f"a kind cluster {CLUSTER_NAME!r} exists ({', '.join(containers)}), but no test run made it;"
            f" `kind delete cluster --name {CLUSTER_NAME}` removes it if it is yours"
        )


OTHER_TARGETS = ("--context", "--kube-context", "--kubeconfig", "--server", "--cluster", "-s", "--kube-apiserver")


def refuse_other_targets(arguments: Sequence[str]) -> None:
    """kubectl and helm could be sent elsewhere by an option; what follows `--` is not theirs."""
    for argument in arguments:
        if argument == "--":
            return
        glued_server = argument.startswith("-s") and not argument.startswith("--")  # kubectl -shttps://...
        if glued_server or argument.split("=")[0] in OTHER_TARGETS:
            raise NotOurCluster(f"{argument}: these commands go to the test cluster and nowhere else")
