"""keepalived, as it is installed, on a host of the segment."""

from __future__ import annotations

import signal
import subprocess

from tests.netns.lan import Host


class Keepalived:
    def __init__(
        self, host: Host, address: str, *, priority: int, vrid: int = 51, interval_s: float = 0.25, version: int = 3
    ) -> None:
        self.host = host
        folder = host.lan.folder / f"{host.name}-keepalived"
        folder.mkdir(parents=True, exist_ok=True)
        configuration = folder / "keepalived.conf"
        configuration.write_text(
            f"""
global_defs {{
    vrrp_version {version}
}}
vrrp_instance TEST {{
    state BACKUP
    interface eth0
    virtual_router_id {vrid}
    priority {priority}
    advert_int {interval_s}
    virtual_ipaddress {{
        {address}/{128 if ":" in address else 32}
    }}
}}
"""
        )
        self._log = folder / "log"
        with self._log.open("wb") as output:
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
