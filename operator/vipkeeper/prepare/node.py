"""This node's interfaces, addresses and routes as `choice.py` wants them, read through rtnetlink (pyroute2).

Tests: tests/netns/test_prepare.py.
"""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network
from typing import Any

from pyroute2 import IPRoute

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.macvlan_mark import MacvlanMark
from vipkeeper.prepare.choice import NodeInterface, Prefix

_IFF_LOOPBACK = 0x8
_MAIN_TABLE = 254
_UNICAST = 1
_FAMILIES = {2: 4, 10: 6}


def read_interfaces(virtual_addresses: frozenset[IPAddress]) -> list[NodeInterface]:
    """What is there now, without the addresses that are ours to move about and the macvlans that they live on."""
    with IPRoute() as netlink:
        addresses = _addresses(netlink, virtual_addresses)
        on_link, metrics = _routes(netlink)
        return [
            NodeInterface(
                name=link.get_attr("IFLA_IFNAME"),
                index=link["index"],
                loopback=bool(link["flags"] & _IFF_LOOPBACK),
                addresses=tuple(addresses[link["index"]]),
                on_link=tuple(on_link[link["index"]]),
                default_route_metric=metrics[link["index"]],
            )
            for link in netlink.get_links()
            if MacvlanMark.from_alias(link.get_attr("IFLA_IFALIAS") or "") is None
        ]


def _addresses(netlink: Any, virtual_addresses: frozenset[IPAddress]) -> dict[int, list[IPv4Interface | IPv6Interface]]:
    found: dict[int, list[IPv4Interface | IPv6Interface]] = defaultdict(list)
    for message in netlink.get_addr():
        text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        if text is None:
            continue
        address = ip_interface(f"{text}/{message['prefixlen']}")
        if address.ip not in virtual_addresses:
            found[message["index"]].append(address)
    return found


def _routes(netlink: Any) -> tuple[dict[int, list[Prefix]], dict[int, dict[int, int]]]:
    """On-link prefixes, and the best metric of default routes by IP version; both by interface."""
    on_link: dict[int, list[Prefix]] = defaultdict(list)
    metrics: dict[int, dict[int, int]] = defaultdict(dict)
    for route in netlink.get_routes(table=_MAIN_TABLE, type=_UNICAST):
        version = _FAMILIES.get(route["family"])
        if version is None:
            continue
        gateway = route.get_attr("RTA_GATEWAY") or route.get_attr("RTA_VIA")
        hops = route.get_attr("RTA_MULTIPATH") or ()
        index = route.get_attr("RTA_OIF") or (hops[0]["oif"] if hops else None)
        if index is None:
            continue
        destination = route.get_attr("RTA_DST")
        if destination is None or route["dst_len"] == 0:
            metric = route.get_attr("RTA_PRIORITY") or 0
            metrics[index][version] = min(metric, metrics[index].get(version, metric))
        elif gateway is None and not hops:
            on_link[index].append(ip_network(f"{destination}/{route['dst_len']}"))
    return on_link, metrics
