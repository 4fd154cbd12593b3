"""Which speaker pod to replace next, when a DaemonSet's template has changed. Pure; updateStrategy is OnDelete.

Backups first, one at a time, and only while the whole placement is well: so a bad version stops at its first pod, and
an address moves once at most, at the very end, by a planned handover. Pods that are broken anyway go before all. Nodes
that do not answer are passed over: their pods can't end, and will be made from the new template when they return.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from vipkeeper.controller.changes import Delete
from vipkeeper.controller.kinds import POD
from vipkeeper.controller.objects import DaemonSetSeen, PodSeen


def next_replacement(
    daemonset: DaemonSetSeen,
    pods: Iterable[PodSeen],
    reporting: Collection[str],
    active: Collection[str],
    unreachable: Collection[str],
) -> Delete | None:
    """`reporting`: nodes whose speaker runs what it should; `active`: nodes that hold an address of this placement."""
    if daemonset.deleting or daemonset.observed_generation < daemonset.generation:
        return None
    scheduled = [pod for pod in pods if pod.node]
    here = [pod for pod in scheduled if pod.node not in unreachable]
    if any(pod.deleting for pod in here):
        return None
    old = [pod for pod in here if pod.template != daemonset.template]
    broken = [pod for pod in old if not pod.ready]
    if broken:
        return _replace(broken[0], "it is not Ready")
    if not old or len(scheduled) < daemonset.desired or _unsettled(daemonset, here, reporting):
        return None
    backups = [pod for pod in old if pod.node not in active]
    return _replace(backups[0], "a Backup") if backups else _replace(old[0], "the Active node, as the last")


def _unsettled(daemonset: DaemonSetSeen, here: list[PodSeen], reporting: Collection[str]) -> bool:
    """A new pod is not Ready, or its speaker does not report yet."""
    new = [pod for pod in here if pod.template == daemonset.template]
    return any(not pod.ready or pod.node not in reporting for pod in new)


def _replace(pod: PodSeen, which: str) -> Delete:
    return Delete(POD, pod.name, pod.uid, f"roll-out of a new template on node {pod.node} ({which})")
