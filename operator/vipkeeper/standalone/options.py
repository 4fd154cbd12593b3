"""What `vipkeeper run` was told on its command line."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.spec.rules import parse_ip
from vipkeeper.spec.scalars import DNS_SUBDOMAIN_PATTERN

STDIN = "-"
DEFAULT_PEER_PORT = 7112
_NODE_NAME = re.compile(DNS_SUBDOMAIN_PATTERN)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another host that runs the same files."""

    name: str
    """Its `--node`."""
    address: IPAddress


def parse_peer(text: str) -> Peer:
    """NAME=ADDRESS. Raises ValueError with what is wrong."""
    name, equals, written = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not NAME=ADDRESS")
    if not _NODE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a host: lower-case letters, digits, - and .")
    address = parse_ip(written)
    if address is None:
        raise ValueError(f"{written!r} is not an IP address (without zone: the interface is known)")
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{written} is not an address of a host")
    return Peer(name, address)


def peers_problem(peers: Iterable[Peer], node: str) -> str:
    """What is wrong with them together; empty: nothing."""
    seen: dict[IPAddress, str] = {}
    for peer in peers:
        if peer.name == node:
            return f"{peer.name} is this host itself"
        if peer.address in seen:
            return f"{peer.address} is there twice, for {seen[peer.address]} and for {peer.name}"
        seen[peer.address] = peer.name
    return ""


@dataclass(frozen=True, slots=True)
class Options:
    files: tuple[str, ...]
    """Paths, as they were written; "-" is standard input."""
    node: str
    """Name of this host in `nodes.priorities`."""
    state_dir: Path
    """Sockets, locks and the documents that run. One run for each."""
    peers: tuple[Peer, ...] = ()
    """The other hosts. One may have several addresses: its first one of a family is that on the segment."""
    key_file: Path | None = None
    """The key that all hosts share. None: nothing is said to peers."""
    peer_port: int = DEFAULT_PEER_PORT
    """UDP port of the engines of all hosts."""
    nginx: str = "nginx"
    """The program, by path or by name."""

    @property
    def peer_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(peer.name for peer in self.peers))

    def peer_addresses(self, name: str) -> tuple[IPAddress, ...]:
        return tuple(peer.address for peer in self.peers if peer.name == name)

    @property
    def placement(self) -> str:
        """Tells the engines of one network namespace apart (their abstract sockets are named by it)."""
        return f"run-{hashlib.sha256(str(self.state_dir).encode()).hexdigest()[:8]}"

    def uid_of(self, name: str) -> str:
        """Of the VirtualIP of that name: the same after a restart, another in another run."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"vipkeeper:{self.state_dir}:{name}"))
