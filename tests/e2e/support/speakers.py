"""The processes of a speaker pod, found and killed inside their node."""

from __future__ import annotations

from tests.cluster import Cluster, NodeContainer
from tests.e2e.support import kube
from tests.e2e.support.installation import NAMESPACE


class Speaker:
    """The speaker pod of one node and placement."""

    def __init__(self, cluster: Cluster, node: str, placement: str = "default") -> None:
        self._cluster = cluster
        self.node = node
        self.placement = placement
        self._prefix = f"vipkeeper-speaker-{placement}-"

    def container(self, name: str) -> NodeContainer:
        """speaker, agent or nginx."""
        found = self._cluster.containers(self.node, pod=self._prefix, container=name, namespace=NAMESPACE)
        assert len(found) == 1, f"container {name} on {self.node}: {found}"
        return found[0]

    def engine_pids(self) -> list[int]:
        """Children of the guard, which is the container's first process; not `prepare`, which comes and goes."""
        container = self.container("speaker")
        running = self._cluster.processes(self.node, container)
        return [one.pid for one in running if one.pid != container.pid and "prepare" not in one.command]

    def kill(self, *pids: int, sign: str = "KILL") -> None:
        self._cluster.signal(self.node, pids, sign)

    def kill_containers(self, *names: str) -> None:
        """All at once. The kernel kills what else runs in a container when its first process dies."""
        self.kill(*(self.container(name).pid for name in names))

    def all_pids(self, container: str) -> list[int]:
        return [one.pid for one in self._cluster.processes(self.node, self.container(container))]

    def restarts(self, container: str) -> int:
        return kube.speaker_pod(self._cluster, self.node, self.placement).restarts[container]
