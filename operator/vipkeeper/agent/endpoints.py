"""From a Service and its EndpointSlices to the servers behind it. Pure.

The way of a port: VirtualIP names a port of the Service (number or name) -> the Service's port has a name ("" when it
is the only one) -> the EndpointSlice has the real port under that name. So a named targetPort, which may differ from
pod to pod, comes out right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from vipkeeper.render.nginx_upstream import Endpoint


def resolve(
    service: Mapping[str, Any] | None,
    slices: Iterable[Mapping[str, Any]],
    port: int | str,
    protocol: str = "TCP",
) -> tuple[Endpoint, ...]:
    """The ready endpoints behind `port`, once each, in a fixed order. () when there are none."""
    if service is None:
        return ()
    name = _port_name(service, port, protocol)
    if name is None:
        return ()
    found = {
        Endpoint(ip_address(address), number)
        for item in slices
        if _serves_first_family(service, item)
        for number in _ports(item, name, protocol)
        for endpoint in item.get("endpoints") or ()
        if _ready(endpoint)
        for address in endpoint.get("addresses") or ()
    }
    return tuple(sorted(found, key=lambda endpoint: (endpoint.address.version, int(endpoint.address), endpoint.port)))


def _port_name(service: Mapping[str, Any], port: int | str, protocol: str) -> str | None:
    for item in (service.get("spec") or {}).get("ports") or ():
        name = str(item.get("name") or "")
        if item.get("protocol", "TCP") == protocol and port in (item["port"], name):
            return name
    return None


def _serves_first_family(service: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """A dual-stack Service lists every pod twice, once by each address."""
    families = (service.get("spec") or {}).get("ipFamilies")
    return item.get("addressType") in (families[:1] if families else ("IPv4", "IPv6"))


def _ports(item: Mapping[str, Any], name: str, protocol: str) -> Iterable[int]:
    for port in item.get("ports") or ():
        if str(port.get("name") or "") == name and port.get("protocol", "TCP") == protocol and port.get("port"):
            yield port["port"]


def _ready(endpoint: Mapping[str, Any]) -> bool:
    """Absent means ready, says the API ("a nil value should be interpreted as true")."""
    return (endpoint.get("conditions") or {}).get("ready") is not False
