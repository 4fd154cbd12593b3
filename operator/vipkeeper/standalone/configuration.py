"""From objects to the documents that the engine of this host runs, or to every reason why not.

What the operator decides in a cluster, the user has to write here: the VRID, and priorities that differ. Nobody knows
the other hosts, so the effective priority is the wanted one, and equal ones are told apart by address, as ever in VRRP.
All or nothing: one problem anywhere, and nothing of it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP
from vipkeeper.render.document import needs_node_addresses, render_document
from vipkeeper.spec.parse import ParsedVirtualIP, Refusal, parse_virtualip
from vipkeeper.spec.placement import Node
from vipkeeper.spec.priorities import wanted_priorities
from vipkeeper.spec.rules import FAMILIES_FIXED
from vipkeeper.standalone import nginx_section, secret_files
from vipkeeper.standalone.key_file import key_file_problems
from vipkeeper.standalone.objects import FoundObject, Place, Problem, read_objects, shown
from vipkeeper.standalone.options import Options

VRID_MISSING = (
    "spec.vrid: is missing: without Kubernetes nobody allocates it; write a number from 1 to 255, the same on every "
    "host and in use by no other virtual router of the network"
)
SELECTOR = (
    "labels of hosts are not known without Kubernetes; give hosts their priority by `name` in nodes.priorities, and "
    "leave the file away where a host shall not take part"
)
POD_SELECTOR = "there are no pods without Kubernetes; check what they serve with health.http or health.tcp"
PEERS_MISSING = (
    "Unicast needs the addresses of the other hosts: give each with --peer NAME=ADDRESS (its --node and its address), "
    "or use Multicast"
)

Documents = Mapping[str, RenderedVirtualIP]
NOTHING: Documents = {}


@dataclass(frozen=True, slots=True)
class _Good:
    place: Place
    document: RenderedVirtualIP


def read_configuration(options: Options, previous: Documents = NOTHING) -> tuple[Documents, list[Problem]]:
    """Read the files. `previous`: what runs; a document that says the same keeps its generation.

    Problems come in the order of files and documents, those of the key file first.
    """
    objects, problems = read_objects(options.files)
    documents, more = build(objects, options, previous)
    files = [shown(file) for file in options.files]
    in_files = sorted([*problems, *more], key=lambda problem: (files.index(problem.place.file), problem.place.number))
    return documents, [*key_file_problems(options), *in_files]


def build(objects: Iterable[FoundObject], options: Options, previous: Documents) -> tuple[Documents, list[Problem]]:
    good: list[_Good] = []
    problems: list[Problem] = []
    for item in objects:
        result = _parse(item, options)
        if isinstance(result, _Good):
            good.append(result)
            problems += _fixed(result, previous)
        else:
            problems += result
    problems += _conflicts(good)
    documents = {item.document.name: item.document for item in good}
    return {name: _with_generation(document, previous.get(name)) for name, document in documents.items()}, problems


def _parse(item: FoundObject, options: Options) -> _Good | list[Problem]:
    spec = item.value.get("spec")
    problems = list(_unfit(spec, options)) if isinstance(spec, Mapping) else []
    parsed = parse_virtualip(_as_from_the_api(item.value, options), item.place.folder)
    if isinstance(parsed, Refusal):
        problems = [*parsed.problems, *problems]
    else:
        problems += _lonely(parsed, options)
        problems += secret_files.problems(parsed.secret_uses)
    if problems or isinstance(parsed, Refusal):
        return [Problem(item.place, text) for text in problems]
    return _Good(item.place, _render(parsed, options))


def _as_from_the_api(value: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """With the metadata that the API server would have given it."""
    metadata = value["metadata"]
    name = metadata.get("name")
    given = {"uid": options.uid_of(str(name)), "generation": 1, "creationTimestamp": "1970-01-01T00:00:00Z"}
    return {"metadata": {"name": name} | given, "spec": value.get("spec")}


def _unfit(spec: Mapping[str, Any], options: Options) -> Iterator[str]:
    """What is good in a cluster and not here."""
    if spec.get("vrid") is None:
        yield VRID_MISSING
    nodes = spec.get("nodes")
    if isinstance(nodes, Mapping):
        if nodes.get("selector") is not None:
            yield f"spec.nodes.selector: {SELECTOR}"
        entries = nodes.get("priorities")
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, Mapping) and entry.get("selector") is not None:
                yield f"spec.nodes.priorities[{index}].selector: {SELECTOR}"
    if spec.get("nginx") is not None:
        yield from nginx_section.problems(spec["nginx"], options)
    health = spec.get("health")
    if isinstance(health, Mapping) and health.get("podSelector") is not None:
        yield f"spec.health.podSelector: {POD_SELECTOR}"


def _fixed(item: _Good, previous: Documents) -> Iterator[Problem]:
    """What can't be changed while it runs."""
    before = previous.get(item.document.name)
    if before is not None and before.families != item.document.families:
        yield Problem(item.place, f"spec.vrrp.families: {FAMILIES_FIXED.message}")


def _lonely(parsed: ParsedVirtualIP, options: Options) -> Iterator[str]:
    """Unicast needs an address of every other host, of the family that elects."""
    if parsed.transport != "Unicast":
        return
    if not options.peers:
        yield f"spec.vrrp.transport: {PEERS_MISSING}"
    for family, name in product(parsed.elections, options.peer_names):
        if all(address.version != family for address in options.peer_addresses(name)):
            yield (
                f"spec.vrrp.transport: Unicast elects in IPv{family} here, and no IPv{family} address of {name} is "
                f"known: add --peer {name}=ADDRESS"
            )


def _render(parsed: ParsedVirtualIP, options: Options) -> RenderedVirtualIP:
    assert parsed.vrid is not None  # _unfit has refused it
    document = render_document(parsed, parsed.vrid, [])
    shares = _shares(parsed, options)
    if needs_node_addresses(parsed) or options.key_file is not None:
        nodes = {
            name: _with_addresses(share, options.peer_addresses(name), document.elections)
            for name, share in shares.items()
        }
    else:
        nodes = {options.node: shares[options.node]}
    key_file = options.key_file
    peers = None if key_file is None else PeersSection(str(key_file), options.peer_port, parsed.witness)
    return replace(document, placement=options.placement, nodes=nodes, peers=peers)


def _shares(parsed: ParsedVirtualIP, options: Options) -> dict[str, NodeShare]:
    """Of this host and its peers. Rank: the place among all that are named anywhere: who waits how long when all of
    them are ill."""
    taking_part = (options.node, *options.peer_names)
    named = {entry.name for entry in parsed.priorities if entry.name is not None}
    wanted = wanted_priorities([Node(name, {}) for name in {*named, *taking_part}], parsed.priority, parsed.priorities)
    order = sorted(wanted, key=lambda name: (-wanted[name], name))
    return {name: NodeShare(wanted[name], order.index(name)) for name in taking_part}


def _with_addresses(share: NodeShare, addresses: tuple[IPAddress, ...], elections: tuple[int, ...]) -> NodeShare:
    """What the user gives first in an election's family is on the segment; the rest are other ways to that host."""
    first = (next((item for item in addresses if item.version == version), None) for version in elections)
    on_segment = tuple(item for item in first if item is not None)
    others = tuple(address for address in addresses if address not in on_segment)
    return replace(share, segment_addresses=on_segment, node_addresses=others)


def _with_generation(document: RenderedVirtualIP, before: RenderedVirtualIP | None) -> RenderedVirtualIP:
    if before is None:
        return document
    same = replace(document, generation=before.generation) == before
    return before if same else replace(document, generation=before.generation + 1)


def _conflicts(items: list[_Good]) -> Iterator[Problem]:
    """Two documents that want one name, one address, or one VRID: the second one is the problem."""
    names: dict[str, Place] = {}
    addresses: dict[IPAddress, Place] = {}
    routers: list[_Good] = []
    for item in items:
        document, place = item.document, item.place
        if document.name in names:
            yield Problem(place, f"metadata.name: {document.name} is the name of {names[document.name]} as well")
        names.setdefault(document.name, place)
        for index, wanted in enumerate(document.addresses):
            if wanted.address in addresses:
                taken = addresses[wanted.address]
                yield Problem(place, f"spec.addresses[{index}]: {wanted.address} is an address of {taken} as well")
            addresses.setdefault(wanted.address, place)
        for other in routers:
            if _collide(document, other.document):
                family = " and ".join(f"IPv{version}" for version in _common(document, other.document))
                yield Problem(
                    place,
                    f"spec.vrid: {document.vrid} is the VRID of {other.place} as well ({family}); choose another one, "
                    "or name different interfaces in both",
                )
        routers.append(item)


def _collide(one: RenderedVirtualIP, other: RenderedVirtualIP) -> bool:
    """Whether both may be one virtual router on one segment."""
    apart = one.interface is not None and other.interface is not None and one.interface != other.interface
    return one.vrid == other.vrid and bool(_common(one, other)) and not apart


def _common(one: RenderedVirtualIP, other: RenderedVirtualIP) -> tuple[int, ...]:
    """IP versions in which both elect."""
    return tuple(version for version in one.elections if version in other.elections)
