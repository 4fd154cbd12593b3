"""What becomes of each VirtualIP: taken or refused, with which VRID, as which document. Pure.

The last good document stays in force while a newer generation is refused, so what runs claims its
addresses and its VRID as well as what is wanted. A VRID that was allocated is written to status before it is used:
`Decision.pin` asks for that, and there is no document until it is seen there. So it can't change, whatever crashes.

Tested by its outcome: tests/unit/controller/test_reconcile.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from vipkeeper.controller.drains import evicting_nodes
from vipkeeper.controller.objects import ConfigMapSeen, VirtualIPSeen
from vipkeeper.controller.peer_keys import REFERENCE
from vipkeeper.controller.state import ClusterState
from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.render.document import render_document
from vipkeeper.spec.conflicts import Claim, Verdict, claim_of, judge, rivals, running_claim
from vipkeeper.spec.move import Move, judge_move
from vipkeeper.spec.names import PEER_KEYS_SECRET, configmap_name
from vipkeeper.spec.nginx_own import own_configuration_problem
from vipkeeper.spec.parse import ParsedVirtualIP, Refusal, RefusalReason
from vipkeeper.spec.placement import Node, Placement, Requirements, nodes_of
from vipkeeper.spec.ports import PortBlock, PortsExhausted, allocate_ports
from vipkeeper.spec.rules import FAMILIES_FIXED, parse_ip
from vipkeeper.spec.secrets import Secrets, secret_problems
from vipkeeper.spec.settings import OperatorSettings, settings_problems
from vipkeeper.spec.speaker import VRRPSpeaker
from vipkeeper.spec.vrids import allocate_vrid, heard_on_the_wire


@dataclass(frozen=True, slots=True)
class Decision:
    """About one VirtualIP."""

    virtualip: VirtualIPSeen
    configmap: ConfigMapSeen | None
    """What runs now: the ConfigMap of this very object (not of a former one of that name)."""
    refusal: Refusal | None = None
    keeps_running: bool = True
    """Refused: what runs may go on."""
    document: RenderedVirtualIP | None = None
    """Accepted: what is to run. None as well while a VRID is being pinned."""
    placement: Placement | None = None
    """Accepted: where."""
    pin: int | None = None
    """A VRID to be written to status first."""
    move: Move | None = None
    """Accepted, with a document: what is so about the move that the user asks for."""

    @property
    def running(self) -> RenderedVirtualIP | None:
        return self.configmap.document if self.configmap else None


@dataclass(frozen=True, slots=True)
class Decisions:
    about: tuple[Decision, ...]
    """Oldest VirtualIP first."""
    placements: Mapping[str, tuple[Placement, PortBlock]]
    """Every placement that an accepted VirtualIP asks for, with its ports."""


def decide(
    state: ClusterState, settings: OperatorSettings, namespace: str, silent: Collection[tuple[str, str]] = ()
) -> Decisions:
    """About every VirtualIP that is not being deleted. `namespace`: the operator's; `silent`: placement
    and node of speakers that are not heard."""
    configmaps = state.configmaps
    candidates = [_examine(item, configmaps, settings) for item in state.virtualips if not item.deleting]
    candidates = _look_up_secrets(candidates, state, namespace)
    candidates = [_with_own_configuration(item, state.texts, namespace) for item in candidates]
    candidates, placements = _house(candidates, state, settings)
    ports = {name: ports for name, (_placement, ports) in placements.items()}
    candidates = _settle_conflicts(candidates, _Ground(state, settings, ports, silent))
    wanted = {item.placement.name for item in candidates if item.placement}
    return Decisions(tuple(candidates), {name: home for name, home in placements.items() if name in wanted})


class _Ground:
    """What conflicts are judged on, and documents made of: nodes, reports, ports."""

    def __init__(
        self,
        state: ClusterState,
        settings: OperatorSettings,
        ports: Mapping[str, PortBlock],
        silent: Collection[tuple[str, str]],
    ) -> None:
        """`ports`: by placement."""
        self._silent = silent
        self._ports = ports if settings.peers.enabled else {}
        self._nodes = [seen.node for seen in state.nodes.values()]
        self.evicting = evicting_nodes(state)
        self._occupied: dict[str, set[str]] = {}
        self._required = Requirements(settings.node_selector, settings.tolerations)
        self._by_placement: dict[str, tuple[Node, ...]] = {}
        self.speakers: list[VRRPSpeaker] = [seen.speaker for seen in state.speakers.values()]
        for pod in state.pods:
            self._occupied.setdefault(pod.placement, set()).add(pod.node)
        self._addresses: dict[tuple[str, str], dict[str, dict[int, IPAddress]]] = {}
        for speaker in self.speakers:
            for report in speaker.status.virtual_routers:
                address = parse_ip(report.primary_address or "")
                if address is not None:
                    nodes = self._addresses.setdefault((speaker.placement, report.uid), {})
                    nodes.setdefault(speaker.node_name, {})[address.version] = address

    def peers_of(self, placement: Placement) -> PeersSection | None:
        ports = self._ports.get(placement.name)
        return None if ports is None else PeersSection(REFERENCE, ports.peers)

    def move_of(self, decision: Decision, placement: Placement) -> Move | None:
        seen = decision.virtualip
        if not seen.move_to:
            return None
        return judge_move(
            seen.move_to,
            seen.status.move,
            {node.name for node in self.nodes_of(placement)},
            [speaker for speaker in self.speakers if speaker.placement == placement.name],
            {node for name, node in self._silent if name == placement.name},
            seen.name,
            seen.uid,
        )

    def nodes_of(self, placement: Placement) -> tuple[Node, ...]:
        if placement.name not in self._by_placement:
            occupied = self._occupied.get(placement.name, set())
            self._by_placement[placement.name] = nodes_of(placement, self._nodes, occupied, self._required)
        return self._by_placement[placement.name]

    def addresses_of(self, decision: Decision) -> dict[str, tuple[IPAddress, ...]]:
        """By node, where it is found on the segment. A speaker that says nothing (any more) is where it was before:
        a pod that starts again makes no document anew."""
        assert decision.placement is not None, "a refused object has no placement"
        running = decision.running
        before = running.nodes if running else {}
        known: dict[str, dict[int, IPAddress]] = {
            name: {item.version: item for item in share.segment_addresses} for name, share in before.items()
        }
        for name, told in self._addresses.get((decision.placement.name, decision.virtualip.uid), {}).items():
            known[name] = known.get(name, {}) | told
        return {
            name: tuple(item for _version, item in sorted(by_version.items())) for name, by_version in known.items()
        }


def _examine(virtualip: VirtualIPSeen, configmaps: Mapping[str, ConfigMapSeen], settings: OperatorSettings) -> Decision:
    """Look at one object alone."""
    configmap = configmaps.get(configmap_name(virtualip.name))
    if configmap and configmap.virtualip_uid != virtualip.uid:
        configmap = None
    parsed = virtualip.parsed
    if isinstance(parsed, Refusal):
        return Decision(virtualip, configmap, refusal=parsed)
    if problems := settings_problems(parsed.nginx is not None, settings):
        return Decision(virtualip, configmap, refusal=Refusal(problems, RefusalReason.NOT_SERVED))
    return Decision(virtualip, configmap, placement=parsed.placement)


def _look_up_secrets(decisions: Iterable[Decision], state: ClusterState, namespace: str) -> list[Decision]:
    """Those that refer to a Secret that can't serve are refused; what runs has its keys and goes on."""
    own = {name: seen.data for name, seen in state.secrets.items() if not seen.placement and name != PEER_KEYS_SECRET}
    secrets = Secrets(namespace, own, state.foreign_secrets)
    judged = []
    for decision in decisions:
        parsed = decision.virtualip.parsed
        if decision.refusal is None and isinstance(parsed, ParsedVirtualIP):
            problems = secret_problems(parsed.secret_uses, secrets)
            if problems:
                decision = _refuse(decision, problems, RefusalReason.SECRET_MISSING)
        judged.append(decision)
    return judged


def _with_own_configuration(decision: Decision, texts: Mapping[str, Mapping[str, str]], namespace: str) -> Decision:
    """An nginx.conf of the user's own comes from a ConfigMap into the document."""
    virtualip, parsed = decision.virtualip, decision.virtualip.parsed
    if decision.refusal is not None or isinstance(parsed, Refusal) or parsed.nginx is None:
        return decision
    own = parsed.nginx.own_configuration
    if own is None:
        return decision
    problem, is_missing = own_configuration_problem(own, texts, namespace)
    if problem:
        return _refuse(decision, (problem,), RefusalReason.CONFIG_MAP_MISSING if is_missing else RefusalReason.INVALID)
    whole = replace(parsed.nginx, own_configuration=replace(own, text=texts[own.config_map][own.key]))
    return replace(decision, virtualip=replace(virtualip, parsed=replace(parsed, nginx=whole)))


def _house(
    decisions: Iterable[Decision], state: ClusterState, settings: OperatorSettings
) -> tuple[list[Decision], dict[str, tuple[Placement, PortBlock]]]:
    """Ports for every placement: those of its DaemonSet, else a free block. Where none is left, those are refused."""
    taken = {name: seen.ports for name, seen in state.daemonsets.items() if seen.ports is not None}
    homes: dict[str, tuple[Placement, PortBlock]] = {}
    housed: list[Decision] = []
    for decision in decisions:
        placement = decision.placement
        if placement is not None and placement.name not in homes:
            try:
                name = placement.name
                ports = taken.get(name) or allocate_ports(
                    list(taken.values()), settings.ports.first, settings.ports.last
                )
                taken[name] = ports
                homes[name] = (placement, ports)
            except PortsExhausted as error:
                problem = f"spec.nodes: needs a placement of its own, but {error}"
                decision = _refuse(decision, (problem,), RefusalReason.NOT_SERVED)
        housed.append(decision)
    return housed, homes


def _refuse(
    decision: Decision, problems: tuple[str, ...], reason: RefusalReason, keeps_running: bool = True
) -> Decision:
    return replace(decision, refusal=Refusal(problems, reason), placement=None, keeps_running=keeps_running)


def _settle_conflicts(decisions: list[Decision], ground: _Ground) -> list[Decision]:
    running = {
        item.virtualip.name: running_claim(item.running, item.virtualip.created_at, ground.speakers)
        for item in decisions
        if item.running is not None
    }
    wanted = {item.virtualip.name: _claim(item, ground) for item in decisions if item.placement is not None}
    verdicts = judge(wanted.values(), running)
    claims = [claim for name, claim in wanted.items() if verdicts[name].accepted]
    settled = []
    for decision in decisions:
        name = decision.virtualip.name
        if name in wanted:
            decision = _conclude(decision, wanted[name], verdicts[name], chain(claims, running.values()), ground)
            if decision.pin is not None:
                claims.append(replace(wanted[name], vrid=decision.pin))
        settled.append(decision)
    return settled


def _claim(decision: Decision, ground: _Ground) -> Claim:
    parsed = _trusted(decision)
    return claim_of(parsed, [node.name for node in ground.nodes_of(parsed.placement)], ground.speakers)


def _trusted(decision: Decision) -> ParsedVirtualIP:
    """The parsed object. A VRID that runs counts as pinned, even when somebody emptied the status."""
    parsed = decision.virtualip.parsed
    assert isinstance(parsed, ParsedVirtualIP), "a refused object has no placement"
    if parsed.pinned_vrid is None and decision.running is not None:
        return replace(parsed, pinned_vrid=decision.running.vrid)
    return parsed


def _conclude(decision: Decision, claim: Claim, verdict: Verdict, others: Iterable[Claim], ground: _Ground) -> Decision:
    if not verdict.accepted:
        return _refuse(decision, verdict.problems, RefusalReason.CONFLICT, verdict.keeps_running)
    parsed = _trusted(decision)
    if decision.running is not None and decision.running.families != parsed.families:
        return _refuse(decision, (f"spec.vrrp.families: {FAMILIES_FIXED.message}",), RefusalReason.INVALID)
    if claim.vrid is None:
        taken = {rival.vrid for rival in rivals(claim, others) if rival.vrid is not None}
        pin = allocate_vrid(claim.uid, taken, heard_on_the_wire(claim, ground.speakers))
        if pin is None:
            problem = "spec.vrid: all 255 VRIDs of the segment are taken: delete a VirtualIP there"
            return _refuse(decision, (problem,), RefusalReason.NO_FREE_VRID)
        return replace(decision, pin=pin)
    nodes = ground.nodes_of(parsed.placement)
    addresses, peers = ground.addresses_of(decision), ground.peers_of(parsed.placement)
    move = ground.move_of(decision, parsed.placement)
    first = move.node if move is not None and move.is_in_force else ""
    before = decision.running.nodes if decision.running else {}
    document = render_document(parsed, claim.vrid, nodes, addresses, peers, first, ground.evicting, before)
    return replace(decision, document=document, move=move)
