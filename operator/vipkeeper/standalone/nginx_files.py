"""nginx's files of a run: what agent and entry script do between them in a cluster, in one process.

    nginx.conf    what is wanted
    running.conf  what nginx was told to run: it has passed `nginx -t`
    good.conf     the last one that was seen to run; an nginx that comes back after its death starts with it
    reload        a FIFO: by the line `close-idle` the engine asks for a reload of what runs, before a planned move

Tests: tests/netns/test_standalone_nginx_sections.py
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.nginx.files import NginxFiles
from vipkeeper.render.nginx import NginxPaths, render_nginx
from vipkeeper.standalone.nginx_program import NginxProgram
from vipkeeper.threads.start import start_thread

_STARTS_WITHIN_S = 1.0


class RunFiles(NginxFiles):
    def __init__(self, folder: Path, program: NginxProgram, reload: Callable[[], None]) -> None:
        """`reload`: nginx shall read running.conf again."""
        super().__init__(folder)
        self.folder = folder
        self.program = program
        self._reload = reload

    @property
    def paths(self) -> NginxPaths:
        return NginxPaths(str(self.folder), str(self.folder / "cache"))

    @property
    def emergency_log(self) -> Path:
        return self.folder / "emergency.log"

    def prepare(self) -> None:
        """An empty folder, which the workers' user can go through."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in (self.folder, self.folder / "cache"):
            folder.mkdir()
            folder.chmod(0o711)
        os.mkfifo(self.folder / "reload", 0o600)
        start_thread("nginx-farewell", self._serve_farewells)

    def _serve_farewells(self) -> None:
        """`engine/nginx_farewell.py`. Open for writing as well: so it never ends."""
        with (self.folder / "reload").open("r+b", buffering=0) as fifo:
            while True:
                if fifo.readline() == b"close-idle\n":
                    self._reload()

    def request_reload(self, generation: str) -> None:
        """Tested here. Raises OSError when nginx does not answer: a test would put itself in the place of one that starts."""
        deadline_s = time.monotonic() + _STARTS_WITHIN_S
        while self.running_generation() is None:
            if time.monotonic() > deadline_s:
                raise OSError("it does not answer")
            time.sleep(0.02)
        candidate = self.folder / "candidate.conf"
        shutil.copyfile(self.folder / "nginx.conf", candidate)
        ok, output = self.program.passes(candidate)
        if ok:
            candidate.rename(self.folder / "running.conf")
        self.emergency_log.write_bytes(b"")
        if ok:
            self._reload()
        self._write_result(generation, ok, output)

    def _write_result(self, generation: str, ok: bool, output: str) -> None:
        new = self.folder / "result.json.new"
        new.write_text(json.dumps({"generation": generation, "ok": ok, "output": output}))
        new.rename(self.folder / "result.json")

    def keep_good_documents(self, documents: Iterable[RenderedVirtualIP]) -> None:
        """They run now, so what nginx was told to run is a good one."""
        super().keep_good_documents(documents)
        new = self.folder / "good.conf.new"
        shutil.copyfile(self.folder / "running.conf", new)
        new.rename(self.folder / "good.conf")

    def choose(self, *, distrust: bool) -> Path:
        """What an nginx that starts shall run. `distrust`: with the good one it did not come up."""
        running, good = self.folder / "running.conf", self.folder / "good.conf"
        if distrust:
            good.unlink(missing_ok=True)
        if good.exists():
            shutil.copyfile(good, running)
        else:
            running.write_text(render_nginx((), {}, None, self.paths).text)
        self.emergency_log.write_bytes(b"")
        (self.folder / "status.sock").unlink(missing_ok=True)  # left by a SIGKILL or by a test
        return running
