"""Macvlans on this host (pyroute2): made, verified, taken on from a speaker that was killed, removed.

What is ours carries our mark in its alias. An interface that has our name and not our mark is somebody else's: it is
told and left alone. One of another placement is taken on with its VirtualIP (which moves), or when no engine of that
placement is there any more.

A macvlan is made down, gets our mark and then its name (the kernel tells the engine of a new name, not of a new alias),
and its settings before anybody sets it up. Settings of the interface below are noted in the mark before they are
changed, and set back with the last of our macvlans there.

Tests: tests/netns/test_macvlan.py.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError

from vipkeeper.ipc.macvlan_mark import MAX_BYTES, MacvlanMark
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.prepare.virtual_mac import (
    INTERFACE_NAME_BYTES,
    PARENT_SETTINGS,
    macvlan_name,
    macvlan_settings,
    problems_of_all,
    virtual_mac,
)
from vipkeeper.sysctl import ensure

_ETHERNET = 1  # ARPHRD_ETHER
_IFF_UP = 1
_MODE = "vepa"
"""Everything goes out to the wire, as in mode private. But a private one would keep to itself what comes from another
router with the same MAC address, and two Actives, each with that address, would never hear each other's adverts."""
_HALF_MADE = "vrrp-new"
_UNIX_SOCKETS = Path("/proc/net/unix")


@dataclass(frozen=True, slots=True)
class _Found:
    """A link as far as it matters here."""

    index: int
    name: str
    kind: str
    mac: str
    parent: int
    mode: str
    up: bool
    ethernet: bool
    alias: str

    @property
    def mark(self) -> MacvlanMark | None:
        return MacvlanMark.from_alias(self.alias) if self.kind == "macvlan" else None


class Macvlans:
    """For one placement. `root` is where /proc/sys/net can be written to."""

    def __init__(self, netlink: Any, root: Path, placement: str) -> None:
        self._netlink = netlink
        self._root = root
        self._placement = placement

    def make(self, document: RenderedVirtualIP, parent: str) -> tuple[str, list[str]]:
        """Have the macvlan of `document` on the interface `parent`. Its name ("" when there is none), and problems."""
        links = self._links()
        below = next((link for link in links if link.name == parent), None)
        if below is None:
            return "", []  # the engine waits for the interface, and asks again
        problem = self._why_not(document, below, links)
        if problem:
            return "", [problem]
        name = macvlan_name(document, below.index)
        found = next((link for link in links if link.name == name), None)
        try:
            if found is not None and not _is_like(found, document, below):
                self._netlink.link("del", index=found.index)
                found = None
            alias = MacvlanMark(self._placement, document.uid, self._before(below, links)).to_alias()[:MAX_BYTES]
            if found is None:
                self._add(name, alias, document, below, links)
            elif found.alias != alias:
                self._netlink.link("set", index=found.index, ifalias=alias)
        except NetlinkError as error:
            return "", [_explain(error, name, below)]
        return name, self._settle(document, name, below)

    def remove(self, names: list[str] | None) -> None:
        """Those of `names`, or all, that this placement has marked."""
        ours = [link for link in self._links() if link.mark is not None and link.mark.placement == self._placement]
        for link in ours:
            if names is None or link.name in names:
                try:
                    self._netlink.link("del", index=link.index)
                except NetlinkError as error:
                    if error.code != errno.ENODEV:
                        raise
                self._set_back(link)

    # ---- what is there

    def _links(self) -> list[_Found]:
        return [_found(message) for message in self._netlink.get_links()]

    def _why_not(self, document: RenderedVirtualIP, below: _Found, links: list[_Found]) -> str:
        name, mac = macvlan_name(document, below.index), virtual_mac(document)
        if not below.ethernet:
            return f"{below.name} is no Ethernet interface, so it has no virtual MAC: set virtualMAC to false"
        if len(name) > INTERFACE_NAME_BYTES:
            return f"{name} is too long for the name of an interface"
        for link in links:
            if link.name == name:
                problem = self._why_foreign(link, document)
                if problem:
                    return problem
            elif link.mac == mac and link.parent == below.index and link.name != _HALF_MADE:
                return (
                    f"{link.name} has {mac} on {below.name} already: another VRRP program of this host? "
                    "Remove it there, or choose another VRID"
                )
        return ""

    def _why_foreign(self, found: _Found, document: RenderedVirtualIP) -> str:
        """Why that interface of our name is not ours to take ("": it is)."""
        mark = found.mark
        if mark is None:
            return f"an interface {found.name} is there that vipkeeper has not made: remove it"
        ours = mark.placement == self._placement or mark.uid == document.uid
        if ours or mark.placement not in _placements_alive():
            return ""
        return f"{found.name} belongs to another VirtualIP of this host (placement {mark.placement}): one VRID each"

    # ---- what is done

    def _add(self, name: str, alias: str, document: RenderedVirtualIP, below: _Found, links: list[_Found]) -> None:
        for link in links:
            if link.name == _HALF_MADE and link.kind == "macvlan" and not link.up:  # of one that was killed right here
                self._netlink.link("del", index=link.index)
        mac = virtual_mac(document)
        self._netlink.link("add", ifname=_HALF_MADE, kind="macvlan", link=below.index, macvlan_mode=_MODE, address=mac)
        (index,) = self._netlink.link_lookup(ifname=_HALF_MADE)
        self._netlink.link("set", index=index, ifalias=alias)
        self._netlink.link("set", index=index, ifname=name)

    def _before(self, below: _Found, links: list[_Found]) -> dict[str, str]:
        """How the interface below was set before us: as another of our macvlans there knows, or as it is now."""
        marks = [link.mark for link in links if link.parent == below.index]
        known = next((mark.before for mark in marks if mark is not None), None)
        if known is not None:
            return known
        return {
            knob: str(value)
            for knob, good in PARENT_SETTINGS.items()
            if (value := self._read(below.name, knob)) is not None and not self._in_force(below.name, knob, good)
        }

    def _settle(self, document: RenderedVirtualIP, name: str, below: _Found) -> list[str]:
        """Settings of the macvlan and of what is below. Returns what does not hold."""
        wanted = macvlan_settings(document, name)
        if not (self._root / "ipv6").is_dir():
            wanted = {knob: value for knob, value in wanted.items() if not knob.startswith("ipv6/")}
        for knob, good in PARENT_SETTINGS.items():
            if not self._in_force(below.name, knob, good):
                wanted[f"ipv4/conf/{below.name}/{knob}"] = str(good[0])
        everywhere = {knob: self._read("all", knob) or 0 for knob in ("arp_filter", "arp_ignore")}
        return ensure(self._root, wanted) + problems_of_all(everywhere)

    def _set_back(self, removed: _Found) -> None:
        links = self._links()
        if removed.mark is None or any(link.mark is not None and link.parent == removed.parent for link in links):
            return
        for below in [link.name for link in links if link.index == removed.parent]:
            for knob, value in removed.mark.before.items():
                if self._read(below, knob) == PARENT_SETTINGS[knob][0]:  # nobody else has changed it since
                    ensure(self._root, {f"ipv4/conf/{below}/{knob}": value})

    def _in_force(self, interface: str, knob: str, good: tuple[int, ...]) -> bool:
        values = [value for name in ("all", interface) if (value := self._read(name, knob)) is not None]
        return max(values, default=0) in good

    def _read(self, interface: str, knob: str) -> int | None:
        try:
            return int((self._root / "ipv4/conf" / interface / knob).read_text())
        except (OSError, ValueError):
            return None


def _found(message: Any) -> _Found:
    info = message.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_DATA") if info is not None else None
    return _Found(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        kind=(info.get_attr("IFLA_INFO_KIND") or "") if info is not None else "",
        mac=message.get_attr("IFLA_ADDRESS") or "",
        parent=message.get_attr("IFLA_LINK") or 0,
        mode=(data.get_attr("IFLA_MACVLAN_MODE") or "") if data is not None and hasattr(data, "get_attr") else "",
        up=bool(message["flags"] & _IFF_UP),
        ethernet=message["ifi_type"] == _ETHERNET,
        alias=message.get_attr("IFLA_IFALIAS") or "",
    )


def _is_like(found: _Found, document: RenderedVirtualIP, below: _Found) -> bool:
    """Whether it is what `_add` would make."""
    wanted = ("macvlan", virtual_mac(document), below.index, _MODE)
    return (found.kind, found.mac, found.parent, found.mode) == wanted


def _placements_alive() -> set[str]:
    """Placements with an engine in this network namespace (`engine/neighbours.py`)."""
    try:
        lines = _UNIX_SOCKETS.read_text(errors="replace").splitlines()
    except OSError:
        return set()
    return {line.rpartition(" @vipkeeper/")[2] for line in lines if " @vipkeeper/" in line}


def _explain(error: Any, name: str, below: _Found) -> str:
    match error.code:
        case errno.EOPNOTSUPP:
            why = "this kernel knows no macvlan: load its module (modprobe macvlan)"
        case errno.EBUSY:
            why = f"{below.name} is a port of a bridge or bond: set `interface` to the bridge or bond itself"
        case errno.EINVAL:
            why = f"the kernel puts no macvlan on {below.name}"
        case code:
            why = errno.errorcode.get(code, str(code))
    return f"{name} can't be made on {below.name}: {why}"
