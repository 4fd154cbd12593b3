"""families: Separate: one document, and an election of its own for each address family (RFC 9568 §7: "a VRRP router
supporting both IPv4 and IPv6 MUST run two separate instances"; a VRID of IPv4 and one of IPv6 are strangers).

An engine runs elections, so it takes such a document apart at its door, and what it tells is put together there again:

    document web, Separate  ──►  web_ipv4 with its IPv4 addresses, web_ipv6 with its IPv6 addresses
    status of web_ipv6      ──►  status of web, family IPv6

Everything inside (state folder, adoption, logs) knows the parts only. No VirtualIP has such a name: an underscore is
none of a DNS name's characters. The uid of a part is its own as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from vipkeeper.ipc.messages import (
    AgentMessage,
    Apply,
    EngineMessage,
    Gone,
    Health,
    Refused,
    Remove,
    RemoveReason,
    RouterStatus,
    Synced,
)
from vipkeeper.ipc.rendered import RenderedVirtualIP

_PART = re.compile(r"(.*)_(ipv[46])")
_SUFFIXES = {4: "_ipv4", 6: "_ipv6"}
_FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}


def parts_of(document: RenderedVirtualIP) -> tuple[RenderedVirtualIP, ...]:
    """What an engine runs of it: itself, or a part for each family, that of the first address first."""
    if document.families != "Separate":
        return (document,)
    return tuple(_part(document, version) for version in document.elections)


def incoming(message: AgentMessage, knows: Callable[[str], bool]) -> list[AgentMessage]:
    """What the agent says, in terms of parts. `knows` tells the names that the engine has something of."""
    match message:
        case Apply(document):
            parts = parts_of(document)
            wanted = {part.name for part in parts}
            gone = [name for name in _possible(document.name) if name not in wanted and knows(name)]
            return [*(Remove(name, RemoveReason.DELETED) for name in gone), *(Apply(part) for part in parts)]
        case Remove(name, reason):
            return [Remove(part, reason) for part in _known(name, knows)]
        case Synced(names):
            return [Synced(tuple(part for name in names for part in _known(name, knows)))]
        case Health(name=name) if name:
            return [replace(message, name=part) for part in _known(name, knows)]
        case _:
            return [message]


def outgoing(message: EngineMessage) -> EngineMessage:
    """What the engine says of its parts, in terms of documents."""
    match message:
        case RouterStatus(name=name, uid=uid):
            base, family = _split(name)
            return replace(message, name=base, family=family, uid=uid.removesuffix(_uid_suffix(name)))
        case Gone(name):
            base, family = _split(name)
            return Gone(base, family)
        case Refused(name=name):
            return replace(message, name=_split(name)[0])
        case _:
            return message


def _part(document: RenderedVirtualIP, version: int) -> RenderedVirtualIP:
    name = document.name + _SUFFIXES[version]
    return replace(
        document,
        name=name,
        uid=document.uid + _uid_suffix(name),
        families="Together",
        addresses=tuple(item for item in document.addresses if item.address.version == version),
    )


def _possible(name: str) -> tuple[str, ...]:
    return (name, *(name + suffix for suffix in _SUFFIXES.values()))


def _known(name: str, knows: Callable[[str], bool]) -> tuple[str, ...]:
    """At least the name itself: what is not known is answered for."""
    return tuple(part for part in _possible(name) if knows(part)) or (name,)


def _split(name: str) -> tuple[str, str]:
    """Name of the document, and the family; "" for one that is whole."""
    found = _PART.fullmatch(name)
    return (found[1], _FAMILIES[found[2]]) if found else (name, "")


def _uid_suffix(name: str) -> str:
    found = _PART.fullmatch(name)
    return f"/{found[2][-1]}" if found else ""
