"""Which speaker pod to replace next, when a DaemonSet's template has changed. Pure; updateStrategy is OnDelete.

Backups first, one at a time, each when the one before does its work (`relief.py`): so a bad version stops at its first
pod. A node that holds an address is among the last, and only while a healthy Backup can take over: by a planned handover,
and back by another one where it has the highest priority. Pods of a version before that are broken go first, so that a
better version can mend what a bad one has stopped at; but none while a new pod has not shown that it is better.
Nodes that do not answer are passed over: their pods can't end, and will be made from the new template when they return.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from vipkeeper.controller.changes import Delete
from vipkeeper.controller.kinds import POD
from vipkeeper.controller.objects import DaemonSetSeen, PodSeen


@dataclass(frozen=True, slots=True)
class Waits:
    """There are old pods, and none may go now."""

    why: str


def next_replacement(
    daemonset: DaemonSetSeen,
    pods: Iterable[PodSeen],
    working: Collection[str],
    active: Collection[str],
    relievable: Collection[str],
    unreachable: Collection[str],
) -> Delete | Waits | None:
    """`working`: nodes whose speaker runs what it should; `active`: nodes that hold an address of this placement, as far
    as anybody knows; `relievable`: those of them whose addresses another node can take at once."""
    if daemonset.deleting or daemonset.observed_generation < daemonset.generation:
        return None
    scheduled = [pod for pod in pods if pod.node]
    here = [pod for pod in scheduled if pod.node not in unreachable]
    old = [pod for pod in here if pod.template != daemonset.template]
    if not old:
        return None
    if why := _unsettled(daemonset, here, working):
        return Waits(why)
    backups = [pod for pod in old if pod.node not in active]
    broken = [pod for pod in backups if not pod.ready]
    if broken:
        return _replace(broken[0], "it is not Ready")
    if len(scheduled) < daemonset.desired:
        return Waits("a node has no pod yet")
    if backups:
        return _replace(backups[0], "a Backup")
    relieved = [pod for pod in old if pod.node in relievable]
    if relieved:
        return _replace(relieved[0], "an Active node, as the last")
    return Waits(f"no healthy Backup could take over everything from {', '.join(pod.node for pod in old)}")


def _unsettled(daemonset: DaemonSetSeen, here: list[PodSeen], working: Collection[str]) -> str:
    """A pod ends; or a new one is not Ready, or its speaker does not do its work yet. "": none of it."""
    for pod in here:
        if pod.deleting:
            return f"the pod on node {pod.node} ends"
        if pod.template == daemonset.template and not pod.ready:
            return f"the new pod on node {pod.node} is not Ready"
        if pod.template == daemonset.template and pod.node not in working:
            return f"the speaker of the new pod on node {pod.node} does not do its work yet"
    return ""


def _replace(pod: PodSeen, which: str) -> Delete:
    return Delete(POD, pod.name, pod.uid, f"roll-out of a new template on node {pod.node} ({which})")
