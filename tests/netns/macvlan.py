"""The macvlans of virtual routers on a host of the segment."""

from __future__ import annotations

import json
from typing import Any

from tests.netns.lan import Host, Lan

MAC = "00:00:5e:00:01:33"
"""Of VRID 51 in IPv4."""
MAC6 = "00:00:5e:00:02:33"


def macvlans(host: Host) -> list[dict[str, Any]]:
    return list(json.loads(host.run("ip", "-j", "-d", "link", "show", "type", "macvlan") or "[]"))


def names(host: Host) -> list[str]:
    return [link["ifname"] for link in macvlans(host)]


def is_up(host: Host) -> bool:
    """Whether its one macvlan is set up."""
    (link,) = macvlans(host)
    return "UP" in link["flags"]


def has(host: Host, address: str) -> bool:
    """Whether `address` is on a macvlan."""
    return any(address in host.addresses(name) for name in names(host))


def owners(hosts: list[Host], address: str) -> list[str]:
    return [host.name for host in hosts if has(host, address)]


def knob(host: Host, interface: str, name: str, family: str = "ipv4") -> str:
    return host.run("cat", f"/proc/sys/net/{family}/conf/{interface}/{name}").strip()


def seen_on(lan: Lan, mac: str) -> str:
    """The port on which the switch has learned it."""
    for line in lan.switch("bridge", "fdb", "show", "br", "br0").splitlines():
        words = line.split()
        if words[0] == mac:
            return words[2]
    return ""
