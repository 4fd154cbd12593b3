"""Network interfaces of namespaces, as `ip -json` tells them. Reading only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.cluster.commands import output_of
from tests.cluster.errors import ClusterError


@dataclass(frozen=True, slots=True)
class Link:
    index: int
    name: str
    peer_index: int | None
    """Of the other end of a veth, in the other namespace."""
    master: str | None
    flags: frozenset[str]
    mac: str


def parse_links(listed: str) -> list[Link]:
    return [
        Link(
            index=row["ifindex"],
            name=row["ifname"],
            peer_index=row.get("link_index"),
            master=row.get("master"),
            flags=frozenset(row["flags"]),
            mac=row.get("address", ""),
        )
        for row in json.loads(listed)
    ]


def links_in(prefix: Sequence[str]) -> list[Link]:
    return parse_links(output_of([*prefix, "ip", "-json", "link", "show"]))


def link_named(prefix: Sequence[str], name: str) -> Link:
    for link in links_in(prefix):
        if link.name == name:
            return link
    raise ClusterError(f"no interface {name} in `{' '.join(prefix)}`")


def outer_end(outer: Sequence[str], inner: Sequence[str], name: str = "eth0") -> Link:
    """The bridge's end of the veth that is called `name` inside."""
    peer = link_named(inner, name).peer_index
    for link in links_in(outer):
        if link.index == peer:
            return link
    raise ClusterError(f"the other end of {name} is not on this machine (an engine in a virtual machine?)")
