"""FRR's zebra and vrrpd, as they are installed, on a host of the segment: no service, no vtysh, nothing of /etc/frr.

FRR does not add and remove addresses: they stand for good on a macvlan that has the virtual MAC address, and the
macvlan is up or "protodown" (no carrier). It does not make the macvlan either; the commands here are those of its
manual, but for the link-local address, which is given by number where the manual lets the kernel draw it.
The host does with ARP what docs/interop.md asks for.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.netns.lan import Host, wait_for
from tests.netns.neighbour import VirtualRouter

_PROGRAMS = Path("/usr/lib/frr")


class FRR:
    """Runs from the beginning. A second one on the host finds the macvlans of the first."""

    def __init__(self, host: Host, *routers: VirtualRouter) -> None:
        self.host = host
        self._folder = _folder_of_frr(host)
        host.run("sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1")
        for router in routers:
            _make_macvlan(host, router)
        (self._folder / "zebra.conf").write_text("")
        (self._folder / "vrrpd.conf").write_text(_configuration(routers))
        self._zebra = self._start("zebra")
        wait_for("zebra listens", (self._folder / "zserv.api").exists)
        self._vrrpd = self._start("vrrpd")
        for router in routers:
            wait_for(f"vrrpd has {_macvlan(router)} in its hands", partial(self._holds, _macvlan(router)))

    def stop(self) -> None:
        """vrrpd sends priority 0."""
        for process in (self._vrrpd, self._zebra):
            process.terminate()
            process.wait(20)

    def log(self) -> str:
        return (self._folder / "vrrpd.log").read_text(errors="replace")

    def shown(self) -> list[dict[str, Any]]:
        """Its own view: `show vrrp json`."""
        told = self.host.run("vtysh", "--vty_socket", str(self._folder), "-d", "vrrpd", "-c", "show vrrp json")
        return list(json.loads(told))

    def _holds(self, macvlan: str) -> bool:
        """A macvlan is up until the first word of vrrpd."""
        log = (self._folder / "zebra.log").read_text(errors="replace")
        if f"protodown on - interface {macvlan} " not in log:
            return False
        link = self.host.run("ip", "link", "show", macvlan)
        return "LOWER_UP" not in link or f"protodown off - interface {macvlan} " in log

    def _start(self, program: str) -> subprocess.Popen[Any]:
        with (self._folder / f"{program}.log").open("ab") as log:
            return self.host.start(
                str(_PROGRAMS / program),
                *("-f", str(self._folder / f"{program}.conf"), "-i", str(self._folder / f"{program}.pid")),
                *("-z", str(self._folder / "zserv.api"), "--vty_socket", str(self._folder), "-P", "0"),
                *("--log", "stdout", "--log-level", "info"),
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _folder_of_frr(host: Host) -> Path:
    """The daemons run as user frr, who cannot enter pytest's folders."""
    folder = Path(tempfile.mkdtemp(prefix="vipkeeper-frr-"))
    shutil.chown(folder, "frr", "frr")
    host.lan.at_end.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _macvlan(router: VirtualRouter) -> str:
    return f"vrrp{6 if router.is_ipv6 else 4}-2-{router.vrid}"


def _make_macvlan(host: Host, router: VirtualRouter) -> None:
    family, name = (6 if router.is_ipv6 else 4), _macvlan(router)
    if f" {name}@" in host.run("ip", "link"):
        return
    mac = f"00:00:5e:00:0{1 if family == 4 else 2}:{router.vrid:02x}"
    host.run("ip", "link", "add", name, "link", "eth0", "address", mac, "type", "macvlan", "mode", "bridge")
    host.run("ip", "link", "set", name, "addrgenmode", "none")
    host.run("sysctl", "-qw", f"net.ipv6.conf.{name}.autoconf=0")
    if family == 6:
        host.run("ip", "address", "add", f"fe80::{host.number:x}:{router.vrid:x}/64", "dev", name, "nodad")
    for address in router.addresses:
        length = 64 if family == 6 else 24
        host.run("ip", "address", "add", f"{address}/{length}", "dev", name, *(("nodad",) if family == 6 else ()))
    host.run("ip", "link", "set", name, "up")


def _configuration(routers: Sequence[VirtualRouter]) -> str:
    lines = ["interface eth0"]
    for router in routers:
        vrrp = f" vrrp {router.vrid}"
        lines += [
            f"{vrrp} version {router.version}",
            f"{vrrp} priority {router.priority}",
            f"{vrrp} advertisement-interval {router.interval_cs * 10}",
            f" {'' if router.preempt else 'no '}vrrp {router.vrid} preempt",
            *(f" {line}" for line in router.extra),
            *(f"{vrrp} {'ipv6' if router.is_ipv6 else 'ip'} {address}" for address in router.addresses),
        ]
    return "\n".join(lines) + "\n"
