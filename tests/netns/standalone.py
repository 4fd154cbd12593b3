"""`vipkeeper run` on a host of the segment: the real command, from real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import yaml

from tests.netns.lan import Host, wait_for
from tests.netns.processes import children, command_line

VIP = "192.0.2.100"


def virtualip(name: str = "web", **spec: Any) -> dict[str, Any]:
    """One document, an advertisement each 100 ms."""
    values: dict[str, Any] = {"vrid": 51, "addresses": [VIP], "vrrp": {"advertisementInterval": "100ms"}}
    return {
        "apiVersion": "vipkeeper.dev/v1alpha1",
        "kind": "VirtualIP",
        "metadata": {"name": name},
        "spec": values | spec,
    }


def preferring(priorities: Mapping[str, int], name: str = "web", **spec: Any) -> dict[str, Any]:
    """The same file for all hosts: who is named has another priority than 100."""
    entries = [{"name": host, "priority": priority} for host, priority in priorities.items()]
    return virtualip(name, nodes={"priorities": entries}, **spec)


class Standalone:
    def __init__(self, host: Host, file: Path, state_dir: Path | None = None) -> None:
        self.host = host
        self.file = file
        self.state_dir = state_dir or host.lan.folder / f"run-{host.name}"
        self.log_path = host.lan.folder / f"run-{host.name}-{self.state_dir.name}.log"
        self.environment = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"}
        self.prefix: list[str] = []
        """What to start it by."""
        self.options: tuple[str, ...] = ()
        """More than the usual ones, of the last start."""
        self.process: subprocess.Popen[Any] | None = None

    def start(self, *more: str) -> Self:
        self.launch(*more)
        self.wait_for_log("engine started")
        return self

    def launch(self, *more: str) -> None:
        """Without waiting for anything."""
        self.options = more
        command = [*self.prefix, sys.executable, "-m", "vipkeeper.cli", "run", "-f", str(self.file), *more]
        command += ["--node", self.host.name, "--state-dir", str(self.state_dir)]
        with self.log_path.open("ab") as log:
            self.process = self.host.start(*command, stdout=log, stderr=log, env=self.environment)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def guard(self) -> int:
        """0: none just now."""
        found = [pid for pid in children(self.pid) if b"vipkeeper.engine" in command_line(pid)]
        return found[0] if len(found) == 1 else 0

    @property
    def engine(self) -> int:
        pids = [line.partition("pid=")[2] for line in self.log().splitlines() if "engine started pid=" in line]
        return int(pids[-1]) if pids else 0

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_for_log(self, text: str, times: int = 1) -> None:
        def said() -> bool:
            assert self.process is None or self.process.poll() is None, f"it has ended\n{self.log()}"
            return self.log().count(text) >= times

        wait_for(f"{self.host.name} says {text!r}", said)

    def states(self, name: str = "web") -> list[str]:
        """All that the router came into, in their order."""
        lines = [line for line in self.log().splitlines() if f"vip={name} " in line and " state=" in line]
        return [line.partition(" state=")[2].split()[0] for line in lines]

    def reload(self, *documents: dict[str, Any]) -> None:
        """New content of the file, and SIGHUP."""
        if documents:
            write(self.file, *documents)
        self.send(signal.SIGHUP)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(30)


def write(file: Path, *documents: dict[str, Any]) -> Path:
    file.write_text(yaml.safe_dump_all(documents))
    return file
