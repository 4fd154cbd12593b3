"""What the guard keeps for the next engine, and the lines between guard and engine about it.

The guard forks each engine, so the next one finds all of this in its memory as it was at that moment: no disk is read,
no configuration is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from vipkeeper.engine.verdicts import Known
from vipkeeper.health.damping import Damping
from vipkeeper.ipc.fields import Fields
from vipkeeper.ipc.messages import secrets_from_json, secrets_to_json
from vipkeeper.ipc.rendered import RenderedVirtualIP


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` found for one document."""

    needs: str
    """`needs_of` the document that it was found for: with other needs it says nothing."""
    interface: str
    """"" when there is none to choose."""
    problems: tuple[str, ...]
    macvlan: str = ""
    """With `virtualMAC: true`: its name; "" when there is none (yet)."""


@dataclass(slots=True)
class Inheritance:
    documents: dict[str, RenderedVirtualIP] = field(default_factory=dict)
    """By name, what the engine runs."""
    prepared: dict[str, Prepared] = field(default_factory=dict)
    """By name of the document."""
    started: set[str] = field(default_factory=set)
    """Names of the documents whose routers have run in this pod: the next engine need not ask its neighbours again."""
    verdicts: Known = field(default_factory=dict)
    """What the agent said last about the health of this node."""
    damping: dict[str, Damping] = field(default_factory=dict)
    """By uid of the document: how its health has flapped."""
    hearsay: set[str] = field(default_factory=set)
    """Names of documents that another pod left in the state folder: not run before the agent confirms them, or stays
    away (`Engine`). The VirtualIP may have been deleted since, and its address may be somebody else's now."""
    secrets: dict[str, bytes] = field(default_factory=dict, repr=False)
    """By reference, what the documents refer to."""


def needs_of(document: RenderedVirtualIP) -> str:
    """Everything in a document that `prepare` and the packet filter (`accept_filter.py`) look at, as one comparable text."""
    addresses = [f"{item.address}/{item.prefix_length}" for item in document.addresses]
    own_mac = [document.uid, document.vrid] if document.virtual_mac else []
    nginx = document.nginx is not None
    return json.dumps([addresses, document.interface, nginx, document.install_prefix, document.accept_mode, own_mac])


# ---- engine -> guard


@dataclass(frozen=True, slots=True)
class Store:
    """This document runs now: keep it, also on disk."""

    document: RenderedVirtualIP


@dataclass(frozen=True, slots=True)
class Started:
    """The router of that document takes part in its election now."""

    name: str


@dataclass(frozen=True, slots=True)
class Forget:
    name: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """Run `prepare` for these and tell what it found."""

    documents: tuple[RenderedVirtualIP, ...]
    unwanted: tuple[str, ...] = ()
    """Macvlans to remove."""


@dataclass(frozen=True, slots=True)
class Lower:
    """Set this interface down."""

    index: int


@dataclass(frozen=True, slots=True)
class VerdictKnown:
    """The agent said so."""

    name: str
    """Of the document; "" for nginx."""
    source: str
    healthy: bool


@dataclass(frozen=True, slots=True)
class DampingKnown:
    """How the health of that document has flapped."""

    uid: str
    damping: Damping


@dataclass(frozen=True, slots=True)
class KeepSecrets:
    """These are all that are needed: keep them, also on disk."""

    values: Mapping[str, bytes] = field(repr=False)


# ---- guard -> engine


@dataclass(frozen=True, slots=True)
class Results:
    """What `prepare` found, by name of the document."""

    prepared: dict[str, Prepared]


Message = Store | Started | Forget | Prepare | Lower | VerdictKnown | DampingKnown | KeepSecrets | Results


def encode(message: Message) -> bytes:
    match message:
        case Store(document):
            value: dict[str, Any] = {"type": "store", "document": document.to_json()}
        case Started(name):
            value = {"type": "started", "name": name}
        case Forget(name):
            value = {"type": "forget", "name": name}
        case Prepare(documents, unwanted):
            items: Any = [document.to_json() for document in documents]
            value = {"type": "prepare", "documents": items, "unwanted": unwanted}
        case Lower(index):
            value = {"type": "lower", "index": index}
        case VerdictKnown(name, source, healthy):
            value = {"type": "verdict", "name": name, "source": source, "healthy": healthy}
        case DampingKnown(uid, damping):
            value = {"type": "damping", "uid": uid, "damping": asdict(damping)}
        case KeepSecrets(values):
            value = {"type": "secrets", "values": secrets_to_json(values)}
        case Results(prepared):
            items = {
                name: {
                    "needs": item.needs,
                    "interface": item.interface,
                    "problems": item.problems,
                    "macvlan": item.macvlan,
                }
                for name, item in prepared.items()
            }
            value = {"type": "results", "prepared": items}
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """A line that `encode` has made; both ends are the same program, so anything else is an error."""
    value = json.loads(line)
    match value["type"]:
        case "store":
            return Store(RenderedVirtualIP.from_json(value["document"]))
        case "started":
            return Started(value["name"])
        case "forget":
            return Forget(value["name"])
        case "prepare":
            documents = tuple(RenderedVirtualIP.from_json(item) for item in value["documents"])
            return Prepare(documents, tuple(value["unwanted"]))
        case "lower":
            return Lower(value["index"])
        case "verdict":
            return VerdictKnown(value["name"], value["source"], value["healthy"])
        case "damping":
            return DampingKnown(value["uid"], Damping(**value["damping"]))
        case "secrets":
            return KeepSecrets(secrets_from_json(Fields(value["values"])))
        case "results":
            fields = Fields(value).named_children("prepared")
            return Results(
                {
                    name: Prepared(
                        item.text("needs"), item.text("interface"), item.texts("problems"), item.text("macvlan")
                    )
                    for name, item in fields.items()
                }
            )
        case other:
            raise ValueError(f"unknown message {other!r}")
