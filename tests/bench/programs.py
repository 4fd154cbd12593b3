"""vipkeeper and keepalived behind one face: start, stop, kill, and the processes that they are made of.

keepalived gets what its manual has against lateness: `vrrp_rt_priority`, `vrrp_no_swap`; and `vrrp_rlimit_rttime`, for
without it the kernel kills a real-time keepalived that works for 10 ms without a rest, as it does with 200 VRIDs or
under a flood. Where it runs as it is installed, without all that, its name says so.
"""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from tests.netns.lan import Host, wait_for
from tests.netns.speaker import Speaker, document

PRIORITIES = {"one": 200, "two": 100}
"""Wanted Active, and its backup."""


@dataclass(frozen=True, slots=True)
class Router:
    vrid: int
    address: str


class Program(ABC):
    name: ClassVar[str]
    worker: ClassVar[str]
    """Which of `processes` speaks VRRP."""

    def __init__(self, host: Host, routers: Sequence[Router], interval_cs: int) -> None:
        self.host, self.routers, self.interval_cs = host, routers, interval_cs

    @abstractmethod
    def start(self) -> None:
        """Also a second time."""

    @abstractmethod
    def stop(self) -> None:
        """SIGTERM; does not wait."""

    @abstractmethod
    def wait(self) -> None:
        """Until it has ended."""

    @abstractmethod
    def processes(self) -> dict[str, int]:
        """Process ids by name."""

    def kill_worker(self) -> None:
        os.kill(self.processes()[self.worker], signal.SIGKILL)

    def kill_everything(self) -> None:
        """All at once: nobody starts a new child in between."""
        pids = self.processes().values()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        self.wait()


class Vipkeeper(Program):
    name = "vipkeeper"
    worker = "engine"

    def __init__(self, host: Host, routers: Sequence[Router], interval_cs: int) -> None:
        super().__init__(host, routers, interval_cs)
        self._speaker = Speaker(host)
        self._told = False

    def start(self) -> None:
        self._speaker.start()
        if self._told:
            return  # its documents are in the state folder
        names = {f"vip-{router.vrid}": router for router in self.routers}
        for name, router in names.items():
            self._speaker.apply(
                document(
                    PRIORITIES,
                    router.address,
                    name=name,
                    vrid=router.vrid,
                    interval_cs=self.interval_cs,
                    interface="eth0",
                )
            )
        wait_for("all its routers take part", lambda: all(map(self._takes_part, names)), 60)
        wait_for("it keeps its documents", lambda: self._kept() == names.keys(), 30)
        self._speaker.leave_agent()
        self._told = True

    def _takes_part(self, name: str) -> bool:
        status = self._speaker.status(name)
        return status is not None and status.state != "Initialize"

    def _kept(self) -> set[str]:
        """Names of the documents in the state folder; what begins with a dot is being written."""
        folder = self._speaker.state_dir / "documents"
        return {path.stem for path in folder.glob("[!.]*.json")}

    def stop(self) -> None:
        os.kill(self._speaker.guard, signal.SIGTERM)

    def wait(self) -> None:
        assert self._speaker.process is not None
        self._speaker.process.wait(20)

    def processes(self) -> dict[str, int]:
        return {"guard": self._speaker.guard, "engine": self._speaker.engine}


class Keepalived(Program):
    name = "keepalived"
    worker = "vrrp child"
    options: ClassVar[tuple[str, ...]] = ("vrrp_rt_priority 50", "vrrp_rlimit_rttime 60000000", "vrrp_no_swap")

    def __init__(self, host: Host, routers: Sequence[Router], interval_cs: int) -> None:
        super().__init__(host, routers, interval_cs)
        self._folder = host.lan.folder / f"{host.name}-keepalived"
        self._folder.mkdir(parents=True)
        self._configuration = self._folder / "keepalived.conf"
        self._configuration.write_text(keepalived_conf(routers, interval_cs, PRIORITIES[host.name], self.options))
        self._process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        for name in ("pid", "vrrp.pid"):
            self._path(name).unlink(missing_ok=True)
        with self._path("log").open("ab") as log:
            self._process = self.host.start(
                *("keepalived", "--dont-fork", "--log-console", "--vrrp", f"--use-file={self._configuration}"),
                *(f"--pid={self._path('pid')}", f"--vrrp_pid={self._path('vrrp.pid')}"),
                stdout=log,
                stderr=log,
            )
        wait_for("keepalived has its child", lambda: self._read_pid() != 0)
        for line in self._path("log").read_text(errors="replace").splitlines():
            if "Unknown keyword" in line:
                raise RuntimeError(f"keepalived does not know our configuration: {line}")

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()

    def wait(self) -> None:
        assert self._process is not None
        self._process.wait(20)

    def processes(self) -> dict[str, int]:
        assert self._process is not None
        return {"parent": self._process.pid, "vrrp child": self._read_pid()}

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _read_pid(self) -> int:
        path = self._path("vrrp.pid")
        text = path.read_text().strip() if path.exists() else ""
        return int(text) if text else 0


class PlainKeepalived(Keepalived):
    name = "keepalived, as installed"
    options = ()


def keepalived_conf(routers: Sequence[Router], interval_cs: int, priority: int, options: Sequence[str]) -> str:
    lines = ["global_defs {", "    vrrp_version 3", *(f"    {option}" for option in options), "}"]
    for router in routers:
        lines += [
            f"vrrp_instance VI_{router.vrid} {{",
            "    state BACKUP",
            "    interface eth0",
            f"    virtual_router_id {router.vrid}",
            f"    priority {priority}",
            f"    advert_int {interval_cs / 100}",
            "    virtual_ipaddress {",
            f"        {router.address}/32",
            "    }",
            "}",
        ]
    return "\n".join([*lines, ""])
