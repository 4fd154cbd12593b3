"""Containers of pods inside a node, and their processes, for tests that kill them. Ids are those inside the node.

The node has no crictl (`node_image.py`); containerd's own `ctr` knows the labels that the kubelet puts on containers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

LIST = """
ctr -n k8s.io tasks ls | while read -r id pid status; do
  [ "$status" = RUNNING ] || continue
  echo "$pid $(ctr -n k8s.io containers info "$id" | jq -c '{ID, Labels}')"
done
"""
"""Run by sh in the node: one line for each running container, its process id and its labels."""

PROCESSES = """
for pid in $(ctr -n k8s.io tasks ps %s | sed 1d | while read -r pid rest; do echo "$pid"; done); do
  echo "$pid $(tr '\\0\\n' '  ' < /proc/$pid/cmdline)"
done
"""


@dataclass(frozen=True, slots=True)
class NodeContainer:
    id: str
    namespace: str
    pod: str
    name: str
    pid: int
    """Of its first process, in the node."""


@dataclass(frozen=True, slots=True)
class NodeProcess:
    pid: int
    """In the node."""
    command: str


def parse_containers(listed: str) -> list[NodeContainer]:
    """Without the pause containers, which have no container name."""
    found = []
    for line in listed.splitlines():
        pid, _, facts = line.partition(" ")
        row = json.loads(facts)
        labels = row["Labels"] or {}
        name = labels.get("io.kubernetes.container.name")
        if name:
            namespace, pod = labels["io.kubernetes.pod.namespace"], labels["io.kubernetes.pod.name"]
            found.append(NodeContainer(row["ID"], namespace, pod, name, int(pid)))
    return sorted(found, key=lambda container: (container.namespace, container.pod, container.name))


def parse_processes(listed: str) -> list[NodeProcess]:
    rows = (line.partition(" ") for line in listed.splitlines())
    return [NodeProcess(int(pid), command.strip()) for pid, _, command in rows]
