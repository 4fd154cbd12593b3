"""The plan: what the API should hold, given all that is known, minus what it holds. Pure: `now` is an argument.

The order of the changes is part of the plan. What documents refer to comes before them, and what agents may read before
their pods. DaemonSets are next, because a pod takes longest to start; then the documents that must go, before another object takes their addresses; the new documents; what else is to go; a roll-out's next pod; and the statuses last, so that they tell of the rest.
A crash between any two of them is harmless: the next plan is made from what the API then holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vipkeeper.controller import daemonsets, secrets
from vipkeeper.controller.changes import Apply, Change, Delete, MarkUnused, Plan
from vipkeeper.controller.content import contains
from vipkeeper.controller.decisions import Decision, Decisions, decide
from vipkeeper.controller.drains import nodes_to_watch
from vipkeeper.controller.hearing import NEVER, SILENT_AFTER, Hearing
from vipkeeper.controller.kinds import CONFIGMAP, LEASE, SPEAKER
from vipkeeper.controller.objects import ConfigMapSeen, PodSeen, SpeakerSeen, configmap_content
from vipkeeper.controller.peer_keys import FreshKey, keep_peer_keys
from vipkeeper.controller.relief import can_be_relieved, does_its_work, is_active
from vipkeeper.controller.rollout import Waits, next_replacement
from vipkeeper.controller.state import ClusterState
from vipkeeper.controller.statuses import plan_status
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.secret_kinds import SecretKind
from vipkeeper.render.configmap import render_configmap
from vipkeeper.render.daemonset import Anchor, render_daemonset
from vipkeeper.spec.belief import BLINK, SpeakerView
from vipkeeper.spec.names import lease_name
from vipkeeper.spec.parse import ParsedVirtualIP
from vipkeeper.spec.settings import OperatorSettings
from vipkeeper.spec.speaker import VRRPSpeaker

REPORT_LIMIT = timedelta(seconds=60)
"""How long a roll-out waits for the first report of a new pod that is Ready."""


def plan(
    state: ClusterState,
    hearing: Hearing,
    settings: OperatorSettings,
    namespace: str,
    now: datetime,
    fresh_key: FreshKey,
) -> Plan:
    """All changes that are due. `fresh_key`: what a new key of the peers will be."""
    planner = _Planner(state, hearing, settings, namespace, now, fresh_key)
    changes = tuple(planner.changes())
    look_again_at = min((moment for moment in planner.look_again_at if moment > now), default=None)
    return Plan(changes, look_again_at, planner.nodes_to_watch(), planner.waiting)


@dataclass(frozen=True, slots=True)
class _Program:
    """What a VirtualIP's ConfigMap is to hold from now on."""

    decision: Decision
    document: RenderedVirtualIP | None
    """The new document, or what runs (refused, or not yet moved)."""
    body: dict[str, Any] | None
    """The ConfigMap to apply; None: leave it."""


class _Planner:
    def __init__(
        self,
        state: ClusterState,
        hearing: Hearing,
        settings: OperatorSettings,
        namespace: str,
        now: datetime,
        fresh_key: FreshKey,
    ) -> None:
        self._state, self._hearing, self._settings = state, hearing, settings
        self._namespace, self._now = namespace, now
        self._fresh_key = fresh_key
        self.look_again_at: list[datetime] = []
        self.waiting: dict[str, str] = {}
        """By placement: why its roll-out does not go on."""
        self._daemonsets = state.daemonsets
        self._pods = state.pods
        self._views = self._listen(state.speakers.values())
        self._decisions: Decisions = decide(state, settings, namespace, self._silent(state.speakers.values()))
        self._programs = [self._program(decision) for decision in self._decisions.about]
        configmaps = [item.configmap for item in self._decisions.about if item.configmap]
        self._homes = {seen.document.name: seen.placement for seen in configmaps if seen.document}
        self._in_use = {*self._decisions.placements, *(seen.placement for seen in configmaps)}

    def changes(self) -> Iterator[Change]:
        yield from self._role()
        yield from self._peer_keys()
        yield from self._secrets()
        yield from self._wanted_daemonsets()
        yield from self._unwanted_configmaps()
        yield from self._configmaps()
        yield from self._unwanted_daemonsets()
        yield from self._rollouts()
        yield from self._unwanted_speakers()
        yield from self._statuses()

    def nodes_to_watch(self) -> frozenset[str]:
        about = (
            (item.virtualip.parsed.drain_policy, item.document)
            for item in self._decisions.about
            if item.document is not None and isinstance(item.virtualip.parsed, ParsedVirtualIP)
        )
        return nodes_to_watch(about, self._state)

    # ---- what the speakers say

    def _listen(self, speakers: Iterable[SpeakerSeen]) -> dict[str, list[SpeakerView]]:
        """By placement."""
        running = {(pod.placement, pod.node) for pod in self._pods if not pod.deleting}
        views: dict[str, list[SpeakerView]] = {}
        for seen in speakers:
            place = (seen.placement, seen.node)
            heard_at = self._hearing.heard_at(*place)
            views.setdefault(seen.placement, []).append(SpeakerView(seen.speaker, heard_at, place in running))
            self.look_again_at.append(heard_at + SILENT_AFTER)
            self.look_again_at += [report.since + BLINK for report in seen.speaker.status.virtual_routers]
        return views

    def _silent(self, speakers: Iterable[SpeakerSeen]) -> set[tuple[str, str]]:
        """None right after the API server was away: all are to renew their Leases any moment now."""
        if self._now < self._hearing.patience_until:
            return set()
        places = ((seen.placement, seen.node) for seen in speakers)
        return {place for place in places if self._hearing.is_silent(*place, self._now)}

    def _audible(self, placement: str) -> list[VRRPSpeaker]:
        """Speakers of `placement` that are not silent."""
        return [
            view.speaker
            for view in self._views.get(placement, [])
            if not self._hearing.is_silent(placement, view.speaker.node_name, self._now)
        ]

    # ---- documents

    def _program(self, decision: Decision) -> _Program:
        wanted, running = decision.document, decision.running
        if wanted is None or decision.placement is None:
            return _Program(decision, running if decision.keeps_running else None, None)
        if running is not None and running.placement != wanted.placement:
            allowed, latest = daemonsets.may_move(self._daemonsets.get(wanted.placement), self._now)
            if not allowed:
                self.look_again_at += [latest] if latest else []
                return _Program(decision, running, None)
        return _Program(decision, wanted, render_configmap(wanted, self._namespace))

    def _configmaps(self) -> Iterator[Change]:
        seen = self._state.configmaps
        for program in self._programs:
            body = program.body
            if body is not None and not _holds(seen.get(body["metadata"]["name"]), body):
                yield Apply(CONFIGMAP, body, _reason(program))

    def _unwanted_configmaps(self) -> Iterator[Change]:
        """The garbage collector does most of this; not for an object that a finalizer holds, nor after a refusal."""
        live = {item.virtualip.uid: item for item in self._decisions.about}
        for seen in self._state.configmaps.values():
            decision = live.get(seen.virtualip_uid)
            if decision is None:
                yield Delete(CONFIGMAP, seen.name, seen.uid, "its VirtualIP is gone")
            elif decision.refusal and not decision.keeps_running:
                yield Delete(CONFIGMAP, seen.name, seen.uid, f"refused: {decision.refusal.message}")

    # ---- secrets

    def _role(self) -> Iterator[Change]:
        if self._state.anchor is not None:
            placements = {*self._decisions.placements, *self._daemonsets, *self._in_use}
            change = secrets.keep_role(placements, self._state.role, self._namespace, Anchor(self._state.anchor.uid))
            yield from [change] if change else []

    def _peer_keys(self) -> Iterator[Change]:
        anchor = self._state.anchor
        if anchor is None or not self._settings.peers.enabled:
            return
        keeping = keep_peer_keys(self._state.secrets, self._fresh_key, self._namespace, Anchor(anchor.uid), self._now)
        self.look_again_at += [keeping.look_again_at] if keeping.look_again_at else []
        yield from [keeping.change] if keeping.change else []

    def _secrets(self) -> Iterator[Change]:
        """For each placement, what the documents that it runs from now on refer to."""
        anchor = self._state.anchor
        if anchor is None:
            return
        needs: dict[str, dict[str, SecretKind]] = {}
        for program in self._programs:
            if program.document is not None:
                needs.setdefault(program.document.placement, {}).update(program.document.secrets)
        seen = self._state.secrets
        for name in sorted({*needs, *(item.placement for item in seen.values() if item.placement)}):
            foreign, owner = self._state.foreign_secrets, Anchor(anchor.uid)
            change = secrets.keep_secret(name, needs.get(name, {}), seen, foreign, self._namespace, owner)
            yield from [change] if change else []

    # ---- daemonsets and pods

    def _wanted_daemonsets(self) -> Iterator[Change]:
        anchor = self._state.anchor
        if anchor is None:
            return  # not installed, or being uninstalled: what we made now would outlive the chart
        for name, (placement, ports) in self._decisions.placements.items():
            rendered = render_daemonset(placement, ports, self._settings, self._namespace, Anchor(anchor.uid))
            change = daemonsets.keep(daemonsets.fingerprint(rendered), self._daemonsets.get(name))
            if change is not None:
                yield change

    def _unwanted_daemonsets(self) -> Iterator[Change]:
        for name, seen in self._daemonsets.items():
            if name in self._in_use:
                if seen.unused_since is not None and not seen.deleting:
                    yield MarkUnused(seen.name, seen.uid, None)
                continue
            retirement = daemonsets.retire(seen, self._audible(name), self._homes, self._now)
            if retirement.look_again_at:
                self.look_again_at.append(retirement.look_again_at)
            if retirement.change:
                yield retirement.change

    def _rollouts(self) -> Iterator[Change]:
        unreachable = {name for name, node in self._state.nodes.items() if not node.reachable}
        for name, seen in self._daemonsets.items():
            if name in self._in_use:
                pods = [pod for pod in self._pods if pod.placement == name]
                speakers = [view.speaker for view in self._views.get(name, [])]
                active = {speaker.node_name for speaker in speakers if is_active(speaker)}
                relievable = {
                    node
                    for node in active
                    if can_be_relieved(node, self._documents_of(name), speakers, self._audible(name))
                }
                working = self._working_nodes(name, pods)
                change = next_replacement(seen, pods, working, active, relievable, unreachable)
                if isinstance(change, Waits):
                    self.waiting[name] = change.why
                elif change is not None:
                    yield change

    def _documents_of(self, placement: str) -> list[RenderedVirtualIP]:
        """What its speakers run, or are about to."""
        documents = (program.document for program in self._programs)
        return [document for document in documents if document and document.placement == placement]

    def _working_nodes(self, placement: str, pods: Iterable[PodSeen]) -> set[str]:
        """Nodes whose speaker reports, from the pod that is there now, all that it should run.

        A report that is older than the pod is its predecessor's, which stays there when the new pod reports nothing. A
        node whose clock is behind seems to send such reports for ever: so, a while after a pod was made, they count
        when they came since, by our own clock.
        """
        expected = self._documents_of(placement)
        speakers = {speaker.node_name: speaker for speaker in self._audible(placement)}
        settled = set()
        for pod in pods:
            speaker, late = speakers.get(pod.node), pod.created_at + REPORT_LIMIT
            self.look_again_at.append(late)
            came_since = self._hearing.reported_at(placement, pod.node) >= pod.created_at
            oldest_allowed = NEVER if came_since and self._now >= late else pod.created_at
            if speaker is not None and does_its_work(speaker, expected, oldest_allowed):
                settled.add(pod.node)
        return settled

    # ---- leftovers of nodes and placements

    def _unwanted_speakers(self) -> Iterator[Change]:
        for seen in self._state.speakers.values():
            if why := self._is_left_over(seen.placement, seen.node):
                yield Delete(SPEAKER, seen.name, seen.uid, why)
        for lease in self._state.leases.values():
            node = lease.name.removeprefix(lease_name(lease.placement, ""))
            if why := self._is_left_over(lease.placement, node):
                yield Delete(LEASE, lease.name, lease.uid, why)

    def _is_left_over(self, placement: str, node: str) -> str:
        """Why a speaker's objects may go; empty: they may not."""
        if node not in self._state.nodes:
            return f"node {node} is gone"
        if any(pod.placement == placement and pod.node == node for pod in self._pods):
            return ""
        if placement not in self._daemonsets and placement not in self._in_use:
            return f"placement {placement} is gone"
        if self._hearing.is_silent(placement, node, self._now):
            return f"no speaker runs on node {node}"
        return ""

    # ---- statuses

    def _statuses(self) -> Iterator[Change]:
        for program in self._programs:
            placement = program.document.placement if program.document else None
            views = self._views.get(placement, []) if placement else []
            if self._now < self._hearing.patience_until and self._is_waiting_for(program, views):
                continue
            change = plan_status(program.decision, program.document, views, self._now)
            if change is not None:
                yield change

    def _is_waiting_for(self, program: _Program, views: Iterable[SpeakerView]) -> bool:
        """After the API server was away: a speaker that is to renew its Lease any moment now is not called silent."""
        if program.document is None:
            return False
        silent = any(
            self._hearing.is_silent(program.document.placement, view.speaker.node_name, self._now) for view in views
        )
        if silent:
            self.look_again_at.append(self._hearing.patience_until)
        return silent


def _holds(seen: ConfigMapSeen | None, body: dict[str, Any]) -> bool:
    if seen is None:
        return False
    wanted = configmap_content(body)
    return contains(seen.content, wanted) and seen.content["data"] == wanted["data"]


def _reason(program: _Program) -> str:
    running, document = program.decision.running, program.document
    assert document is not None, "only programmed documents are applied"
    if running is None:
        return f"VirtualIP {document.name} generation {document.generation}, VRID {document.vrid}"
    if running.placement != document.placement:
        return f"moves from placement {running.placement} to {document.placement}"
    if running.generation != document.generation:
        return f"VirtualIP {document.name} generation {document.generation}"
    if running.nginx != document.nginx:
        return "the nginx.conf that it refers to has changed"
    return "nodes changed" if running.nodes != document.nodes else "it had been changed by somebody else"
