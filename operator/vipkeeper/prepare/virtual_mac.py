"""What the macvlan of a virtual router is like: its name, MAC address and kernel settings. Pure.

Each virtual router with `virtualMAC: true` has one, on the interface of its adverts, and it stays down while another
node is Active. Addresses of the other family, which move along unadvertised, live on it as well: they claim no VRID,
and so have no right to that family's virtual MAC; and the adverts that leave with this one keep the switches informed.

Kernel settings (Documentation/networking/ip-sysctl): of the macvlan `arp_ignore` 1, for it must not answer for the
node's own addresses; of the interface below `arp_ignore` 1 and `arp_announce` 2, for it must neither answer for the
virtual addresses nor name one as the sender of its questions: both would tell clients the physical MAC. Packets come
in by the macvlan and answers leave by the interface below, so `rp_filter` is 2 (loose), never 0.
"""

from __future__ import annotations

from vipkeeper.ipc.rendered import RenderedVirtualIP

INTERFACE_NAME_BYTES = 15

PARENT_SETTINGS = {"arp_ignore": (1, 2), "arp_announce": (2,)}
"""Of the interface below, in net/ipv4/conf: the values that will do. The first one is written where none of them is in
force. The kernel takes the higher one of `all` and the interface."""


def macvlan_name(document: RenderedVirtualIP, parent_index: int) -> str:
    """Unique on this host, and the same each time: family, VRID and (in hexadecimal) the index of the interface below."""
    return f"vrrp{_family(document)}-{document.vrid}-{parent_index:x}"


def virtual_mac(document: RenderedVirtualIP) -> str:
    """RFC 9568 §7.3."""
    return f"00:00:5e:00:{1 if _family(document) == 4 else 2:02x}:{document.vrid:02x}"


def macvlan_settings(document: RenderedVirtualIP, name: str) -> dict[str, str]:
    """Relative to /proc/sys/net. Without an IPv6 address there is no IPv6 on it, and so no multicast listener report."""
    ipv4 = {"arp_ignore": "1", "arp_filter": "0", "rp_filter": "2"}
    if document.install_prefix:
        ipv4["promote_secondaries"] = "1"
    ipv6 = {"disable_ipv6": "1"}
    if any(item.address.version == 6 for item in document.addresses):
        ipv6 = {"addr_gen_mode": "1", "accept_ra": "0", "autoconf": "0", "disable_ipv6": "0"}
    return {f"ipv4/conf/{name}/{knob}": value for knob, value in ipv4.items()} | {
        f"ipv6/conf/{name}/{knob}": value for knob, value in ipv6.items()
    }


def problems_of_all(values: dict[str, int]) -> list[str]:
    """Settings of `net.ipv4.conf.all` that overrule the macvlan's own. They are the administrator's: told, not changed."""
    problems = []
    if values.get("arp_filter", 0) != 0:
        problems.append("net.ipv4.conf.all.arp_filter is not 0: with it the kernel answers no ARP for a virtual MAC")
    if values.get("arp_ignore", 0) > 1:
        problems.append("net.ipv4.conf.all.arp_ignore is above 1: with it the kernel answers no ARP for a virtual MAC")
    return problems


def _family(document: RenderedVirtualIP) -> int:
    return document.addresses[0].address.version
