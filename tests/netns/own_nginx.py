"""An nginx (or a plain TCP server) on a host that somebody else started, and a client that asks it without a pause."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.e2e.support.prober import parse_report
from tests.e2e.support.timeline import Timeline
from tests.netns.lan import Host, wait_for
from tests.netns.processes import children, command_line, is_alive

HTTP_INTERVAL_MS = 5.0
_numbers = count()


class Nginx:
    """`workers` processes on `port` of all addresses of a host, each answer the host's name."""

    def __init__(self, host: Host, workers: int = 2, port: int = 80, more: str = "", name: str = "nginx") -> None:
        """`name`: of the processes, as the kernel has it."""
        self.host = host
        self.workers_wanted = workers
        self.folder = host.lan.folder / f"nginx-{host.name}"
        self.folder.mkdir()
        self.log = self.folder / "error.log"
        self._program = self.folder / name
        self._program.symlink_to(shutil.which("nginx", path="/usr/sbin:/usr/bin") or "/usr/sbin/nginx")
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in _TEMP_KINDS)
        (self.folder / "nginx.conf").write_text(
            f"user root; worker_processes {workers}; pid {self.folder}/pid; error_log {self.log} notice; {more}\n"
            f"events {{ worker_connections 256; }}\n"
            f"http {{ access_log off; {temp}\n"
            f'server {{ listen {port}; listen [::]:{port}; return 200 "{host.name}"; }} }}\n'
        )
        self.start()

    def start(self) -> None:
        configuration = self.folder / "nginx.conf"
        self.process: subprocess.Popen[Any] = self.host.start(
            *(
                str(self._program),
                "-e",
                str(self.log),
                "-p",
                str(self.folder),
                "-c",
                str(configuration),
                "-g",
                "daemon off;",
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for("nginx has its workers", lambda: len(self.workers()) == self.workers_wanted)

    @property
    def master(self) -> int:
        return self.process.pid

    def workers(self) -> list[int]:
        """But for those that a reload has told to end."""
        commands = {pid: command_line(pid) for pid in children(self.master)}
        return [pid for pid, line in commands.items() if b"worker" in line and b"shutting down" not in line]

    def signal_all(self, number: signal.Signals) -> None:
        """Master and workers, as fast as killall does it."""
        for pid in (self.master, *children(self.master)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill_all(self) -> float:
        """How many milliseconds it took until the last of them had ended."""
        pids = [self.master, *children(self.master)]
        begin_s = time.monotonic()
        self.signal_all(signal.SIGKILL)
        self.process.wait()
        wait_for("all of them have ended", lambda: not any(map(is_alive, pids)), pause_s=0.001)
        return (time.monotonic() - begin_s) * 1000


_TEMP_KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class HTTPClient:
    """On `host`, from now on: a new connection each 5 ms, many at once. `timeline` ends it."""

    def __init__(self, host: Host, address: str, port: int = 80) -> None:
        self._process = host.start(
            *(sys.executable, "-m", "tests.e2e.support.probe_http", address, str(port), str(HTTP_INTERVAL_MS)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": "."},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "probing"

    def timeline(self) -> Timeline:
        output, _errors = self._process.communicate(timeout=30)
        json.loads(output)
        return parse_report(output)
