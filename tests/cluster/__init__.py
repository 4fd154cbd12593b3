"""A real Kubernetes cluster of four nodes for the end-to-end tests and the demo, and the faults that it can suffer.

It is kind everywhere. What differs by machine is only where the tools and the node image come from (`provider.py`):
docker or podman with a registry are used as they are; without one, everything is built here, once, into a cache.

The command line is `python -m tests.cluster` (`cli.py`), the same verbs are methods of `Cluster` (`cluster.py`).
README.md beside this file is the reference for people who write tests.
"""

from tests.cluster.cluster import Cluster
from tests.cluster.containers import NodeContainer, NodeProcess
from tests.cluster.errors import ClusterError
from tests.cluster.network import KindNetwork, Node

__all__ = ["Cluster", "ClusterError", "KindNetwork", "Node", "NodeContainer", "NodeProcess"]
