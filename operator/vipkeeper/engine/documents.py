"""From a rendered document to what a virtual router of this node is told to be; and the names that may be file names."""

from __future__ import annotations

import re

from vipkeeper.engine.peer_plan import ways_of
from vipkeeper.engine.unicast import transport_of
from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.messages import FAILURES
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.packet import ChecksumForm, Family, Version
from vipkeeper.vrrp.units import ms_to_ns

_LINK_LOCAL_PREFIX_LENGTH = 64
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?(_ipv[46])?")


def problems_of(document: RenderedVirtualIP, node: str) -> tuple[str, ...]:
    """Why this node can't run a document that is well-formed, each as `path: reason`. Empty: it can."""
    problems = []
    if not _NAME.fullmatch(document.name):
        problems.append(f"name: {document.name!r} is not a lower-case DNS name")
    if not document.uid:
        problems.append("uid: is empty")
    share = document.nodes.get(node)
    if share is not None and share.priority == 255:
        problems.append(f"nodes.{node}.priority: 255 is kept for address owners, which are not supported")
    if document.vrrp_version == Version.V2 and Family(document.addresses[0].address.version) is not Family.IPV4:
        problems.append("vrrpVersion: 2 knows IPv4 only, and the first address is none")
    if document.families != "Together":
        problems.append("families: an election is of one family")  # the door has taken it apart (ipc/families.py)
    if document.nginx is not None and not document.accept_mode:
        problems.append("acceptMode: false drops what nginx shall answer")
    seen = set()
    for index, item in enumerate(document.addresses):
        if item.address in seen:
            problems.append(f"addresses[{index}]: {item.address} is there twice")
        seen.add(item.address)
        if item.address.is_unspecified or item.address.is_multicast or item.address.is_loopback:
            problems.append(f"addresses[{index}]: {item.address} is not an address of a host")
    return tuple(problems)


def prefix_lengths_of(document: RenderedVirtualIP) -> dict[IPAddress, int]:
    """What the kernel gets with each address: the written prefix length, if it shall, or the full one. A link-local one
    on a macvlan needs the route to its neighbours, for answers leave by that interface."""
    lengths: dict[IPAddress, int] = {item.address: item.address.max_prefixlen for item in document.addresses}
    for item in document.addresses:
        if document.virtual_mac and item.address.is_link_local:
            lengths[item.address] = _LINK_LOCAL_PREFIX_LENGTH
        elif document.install_prefix and item.prefix_length is not None:
            lengths[item.address] = item.prefix_length
    return lengths


def config_of(document: RenderedVirtualIP, node: str) -> VirtualRouterConfig:
    """The family of the first address holds the election, the others move along (families: Together)."""
    family = Family(document.addresses[0].address.version)
    share = document.nodes[node]
    return VirtualRouterConfig(
        vrid=document.vrid,
        family=family,
        priority=share.priority,
        addresses=tuple(item.address for item in document.addresses if item.address.version == family),
        advertisement_interval_cs=document.advertisement_interval_cs,
        preempt=document.preempt,
        rank=share.rank,
        companion_addresses=tuple(item.address for item in document.addresses if item.address.version != family),
        version=Version(document.vrrp_version),
        checksum=ChecksumForm(document.checksum),
        transport=transport_of(document, node),
        preempt_delay_ns=ms_to_ns(document.preempt_delay_ms),
        hand_over=bool(ways_of(document, node)),
        probe=True,
        release=FAILURES if document.health is not None and document.health.on_failure == "Release" else frozenset(),
        witness=bool(ways_of(document, node)) and document.peers is not None and document.peers.witness,
    )
