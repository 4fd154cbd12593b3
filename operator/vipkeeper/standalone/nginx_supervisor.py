"""nginx as a process that is kept: started, its deaths counted, started again, given up, ended in order.

Tests: tests/netns/test_standalone_nginx.py, test_standalone_nginx_processes.py
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vipkeeper import sysctl
from vipkeeper.nginx.certificates import pin
from vipkeeper.nginx.check import start_nginx_check
from vipkeeper.nginx.configurator import NginxConfigurator
from vipkeeper.nginx.files import words
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.spec.speaker import NginxReport
from vipkeeper.standalone import nginx_program, secret_files
from vipkeeper.standalone.children import Children
from vipkeeper.standalone.configuration import Documents
from vipkeeper.standalone.log import relay
from vipkeeper.standalone.nginx_files import RunFiles
from vipkeeper.standalone.nginx_process import NginxProcess
from vipkeeper.standalone.options import Options
from vipkeeper.standalone.restart_policy import RestartPolicy
from vipkeeper.standalone.state_dir import StateDir

MAY_FINISH_S = 5.0
"""Requests in flight, when the run leaves. Those by way of a virtual address have lost their way already."""
CAME_UP_S = 5.0
"""nginx gives up an address in use after 2.5 s: who has lived for longer had all of its addresses."""

_PROC_SYS_NET = Path("/proc/sys/net")

log = logging.getLogger("run")


@dataclass(frozen=True, slots=True)
class NginxChecked:
    """The slow check's verdict has changed."""

    healthy: bool
    why: str


NginxEvent = NginxReport | NginxChecked


class Supervisor:
    """Since the first document with an nginx section has come."""

    def __init__(
        self, options: Options, state_dir: StateDir, children: Children, tell: Callable[[NginxEvent], None]
    ) -> None:
        path = nginx_program.find(options.nginx)
        self._program = nginx_program.look_at(path or options.nginx)
        self._files = RunFiles(state_dir.nginx, self._program, lambda: self._process.send(signal.SIGHUP))
        for problem in sysctl.ensure(
            _PROC_SYS_NET, sysctl.NONLOCAL_BIND
        ):  # as `prepare` does it, but before nginx needs it
            log.warning("%s", problem)
        state_dir.let_through()
        self._files.prepare()
        output, self._log_end = os.pipe()
        self._log = relay(output, "nginx: ")
        self._process = NginxProcess(children, self._log_end, state_dir)
        self._policy = RestartPolicy()
        self._began_s = 0.0
        self._distrust = False
        self.leaving = False
        self.deadline_s: float | None = None
        self._start()
        self._configurator = NginxConfigurator(self._files, tell)
        start_nginx_check(state_dir.nginx / "status.sock", lambda ok, why: tell(NginxChecked(ok, why)))

    @property
    def pid(self) -> int:
        return self._process.pid

    def want(self, documents: Documents) -> None:
        """Certificates are read anew each time."""
        values = secret_files.read_values(name for item in documents.values() for name in item.secrets)
        pinned = [pin(document, values.get) for _name, document in sorted(documents.items())]
        certificates = {name: content for item in pinned for name, content in item.files.items()}
        missing = {item.document.name: item.missing for item in pinned if item.missing}
        wanted = tuple(item.document for item in pinned)
        self._configurator.want(Wanted(wanted, None, {}, certificates, missing, self._files.paths))

    def _start(self) -> None:
        self.deadline_s = None
        configuration = self._files.choose(distrust=self._distrust)
        settings = nginx_program.setting("error_log", self._files.emergency_log, "emerg")
        self._process.start(self._program.command(configuration, settings=settings))
        self._began_s = time.monotonic()
        log.info("nginx started pid=%d", self._process.pid)

    def ended(self, code: int) -> None:
        self._process.has_ended()
        if self.leaving:
            return
        lived_s = time.monotonic() - self._began_s
        self._distrust = code > 0 and lived_s < CAME_UP_S
        said = words(self._files.emergency()).replace("\n", "; ")
        wait_s = self._policy.died(lived_s)
        if wait_s is None:
            log.error(
                "nginx has died too often and is given up: status=%d said=%r. This host keeps priority 1 where a "
                "document has an nginx section, until SIGHUP or a restart of the run",
                code,
                said,
            )
            return
        log.error("nginx has died: status=%d starting_again_in_ms=%d said=%r", code, wait_s * 1000, said)
        self.deadline_s = time.monotonic() + wait_s

    def try_again(self) -> None:
        self._policy.forget()
        if not self.pid and not self.leaving:
            self.deadline_s = time.monotonic()

    def look_at_the_clock(self, now_s: float) -> None:
        if self.deadline_s is None or now_s < self.deadline_s:
            return
        if self.leaving:
            log.error("nginx has not finished in time, and is killed")
            self.deadline_s = None
            self._process.kill()
        elif self._process.left():
            self.deadline_s = now_s + 0.02  # workers of the one before are ending
        else:
            self._start()

    def finish(self) -> bool:
        if not self.leaving:
            self.leaving = True
            self.deadline_s = time.monotonic() + MAY_FINISH_S
            self._process.send(signal.SIGQUIT)
        return not self._process.left()

    def close_log(self) -> None:
        os.close(self._log_end)
        self._log.join(2.0)
