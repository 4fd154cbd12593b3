"""What a roll-out waits for, by what the speakers report: that a new pod does its work, and that somebody can stand in
for the Active. Pure.

A new version that is no good shows it on the first Backup, and it must not get further. What is wrong there for other
reasons (a link that is down, a user's server that fails its check, a node that is drained) holds nobody up: it would be
so with the old version, too. But an Active is replaced only when another node, healthy, can take each of its addresses;
where that is never so, the roll-out stops before that node, and whoever wants it all the same deletes the pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from vipkeeper.ipc.messages import HealthSource
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.belief import ACTIVE, BACKUP, families_of
from vipkeeper.spec.speaker import VirtualRouterReport, VRRPSpeaker
from vipkeeper.vrrp.state import Fault

OUR_TROUBLES = frozenset(
    {
        Fault.NOT_PREPARED.value,
        Fault.SECRET_MISSING.value,
        "HeldByOtherPlacement",
        HealthSource.CONNECTION.value,
        HealthSource.CHECK.value,
        HealthSource.READINESS.value,
        HealthSource.UNCHECKED.value,
    }
)
"""What the version that runs in a pod may have to do with."""


def does_its_work(speaker: VRRPSpeaker, documents: Iterable[RenderedVirtualIP], since: datetime) -> bool:
    """The speaker reports every document in which its node takes part, in a state that began after `since`, it is not
    held up by a trouble that may be the new version's, and its nginx has what it shall serve."""
    own = [document for document in documents if speaker.node_name in document.nodes]
    runs = all(
        report is not None and report.since >= since and not OUR_TROUBLES & {*report.faults, *report.ailments}
        for document in own
        for report in _reports(speaker, document)
    )
    return runs and all(_is_tried(speaker, document) for document in own)


def _is_tried(speaker: VRRPSpeaker, document: RenderedVirtualIP) -> bool:
    """Whether its nginx has loaded the document's section, or refused it, as that of the old version would."""
    nginx = speaker.status.nginx
    if document.nginx is None or nginx is None:
        return True
    return nginx.refusal_of(document.name) is not None or any(item.name == document.name for item in nginx.documents)


def is_active(speaker: VRRPSpeaker) -> bool:
    """As it said last; it may be silent since."""
    return any(report.state == ACTIVE for report in speaker.status.virtual_routers)


def can_be_relieved(
    node: str, documents: Iterable[RenderedVirtualIP], speakers: Iterable[VRRPSpeaker], audible: Iterable[VRRPSpeaker]
) -> bool:
    """Each election that `node` holds has a healthy Backup on another node, or no other node at all."""
    holder = next((speaker for speaker in speakers if speaker.node_name == node), None)
    if holder is None:
        return True
    others = [speaker for speaker in audible if speaker.node_name != node]
    return all(
        any(_is_fit(other, document, report.family) for other in others)
        for document in documents
        if node in document.nodes and len(document.nodes) > 1
        for report in _reports(holder, document)
        if report is not None and report.state == ACTIVE
    )


def _is_fit(speaker: VRRPSpeaker, document: RenderedVirtualIP, family: str | None) -> bool:
    report = speaker.report_of(document.name, family)
    if speaker.node_name not in document.nodes or report is None or report.uid != document.uid:
        return False
    return report.state == BACKUP and not report.faults and not report.ailments


def _reports(speaker: VRRPSpeaker, document: RenderedVirtualIP) -> Iterator[VirtualRouterReport | None]:
    """One for each election; None where it says nothing of it."""
    for family in families_of(document):
        report = speaker.report_of(document.name, family)
        yield report if report is not None and report.uid == document.uid else None
