"""keepalived, as it is installed, on a host of the segment."""

from __future__ import annotations

import signal
import subprocess

from tests.netns.lan import Host
from tests.netns.neighbour import VirtualRouter


class Keepalived:
    """Runs from the beginning; several in turn on one host share its log."""

    def __init__(self, host: Host, *routers: VirtualRouter, interface: str = "eth0") -> None:
        self.host = host
        folder = host.lan.folder / f"{host.name}-keepalived"
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "keepalived.conf"
        configuration.write_text("".join(_instance(router, interface) for router in routers))
        self._log = folder / "log"
        with self._log.open("ab") as output:
            self._process = host.start(
                "keepalived",
                *("--dont-fork", "--log-console", "--log-detail", "--vrrp", f"--use-file={configuration}"),
                *(f"--pid={folder}/pid", f"--vrrp_pid={folder}/vrrp.pid"),
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """It sends priority 0."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)


def _instance(router: VirtualRouter, interface: str) -> str:
    addresses = "\n".join(f"        {address}/{128 if router.is_ipv6 else 32}" for address in router.addresses)
    extra = "".join(f"    {line}\n" for line in (*router.extra, *(() if router.preempt else ("nopreempt",))))
    return f"""
vrrp_instance TEST{router.vrid} {{
    version {router.version}
    state BACKUP
    interface {interface}
    virtual_router_id {router.vrid}
    priority {router.priority}
    advert_int {router.interval_cs / 100:g}
{extra}    virtual_ipaddress {{
{addresses}
    }}
}}
"""
