"""The nginx sidecar as in the pod: the real entry script and the real nginx under the container's exact privileges.

PID 1 of its own namespace, uid 0 with three capabilities, no new privileges, read-only root, the two emptyDir
volumes with fsGroup 65532 (they outlive a restart of the container, and the network namespace does too).
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.netns.processes import children, command_line

SCRIPT = Path(__file__).parents[2] / "charts/vipkeeper/files/nginx-entrypoint.sh"
AGENT_ID = 65532
READINESS_PORT = 9911

_SETUP = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/cache
mkdir /run/vipkeeper /run/entrypoint /var/cache/nginx
mount --bind "$1/run" /run/vipkeeper
mount --bind "$1/cache" /var/cache/nginx
mount --bind "$2" /run/entrypoint
for folder in / /run /var/cache; do mount -o remount,bind,ro "$folder"; done
export PATH="$3" VIPKEEPER_RUN_DIR=/run/vipkeeper VIPKEEPER_READINESS_PORT="$4"
exec /usr/bin/setpriv --groups 65532 --inh-caps=-all --ambient-caps=-all \
    --bounding-set=-all,+net_bind_service,+setuid,+setgid --no-new-privs sh /run/entrypoint/nginx-entrypoint.sh
"""

_serial = itertools.count()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def wait_for(condition: Callable[[], object], what: str, limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {limit_s} s for {what}"
        time.sleep(0.02)


class Sidecar:
    def __init__(self, busybox: bool = False, namespace: str = "") -> None:
        """In a network namespace of its own, or in `namespace`."""
        self.folder = Path(tempfile.mkdtemp(prefix="vk"))
        self.folder.chmod(0o755)
        self.run = self.folder / "run" / "nginx"
        for name in ("run", "cache"):
            volume = self.folder / name
            volume.mkdir()
            os.chown(volume, 0, AGENT_ID)
            volume.chmod(0o2777)
        self._own = not namespace
        self.netns = namespace or f"vk{os.getpid()}-nginx{next(_serial)}"
        if self._own:
            subprocess.run(["ip", "netns", "add", self.netns], check=True)
            subprocess.run(["ip", "-n", self.netns, "link", "set", "lo", "up"], check=True)
        self._path = self._busybox_path() if busybox else "/usr/sbin:/usr/bin:/sbin:/bin"
        self._process: subprocess.Popen[bytes] | None = None
        self.log = self.folder / "log"

    def _busybox_path(self) -> str:
        """A PATH with nothing on it but busybox and nginx, as in Alpine."""
        folder = self.folder / "bin"
        folder.mkdir()
        applets = subprocess.run(["busybox", "--list"], check=True, capture_output=True, text=True).stdout.split()
        for applet in applets:
            (folder / applet).symlink_to("/usr/bin/busybox")
        (folder / "nginx").symlink_to("/usr/sbin/nginx")
        return str(folder)

    def in_namespace(self, *command: str) -> str:
        return subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.netns}", *command], check=True, capture_output=True, text=True
        ).stdout

    @contextmanager
    def squatter(self, address: str, port: int) -> Iterator[None]:
        """Somebody else listens there."""
        program = (
            "import socket, time; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
            f"s.bind(({address!r}, {port})); s.listen(); print(flush=True); time.sleep(600)"
        )
        command = ["nsenter", f"--net=/run/netns/{self.netns}", "python3", "-c", program]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield
            finally:
                process.kill()

    def start(self) -> None:
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _SETUP, "sh"]
        arguments = [str(self.folder), str(SCRIPT.parent), self._path, str(READINESS_PORT)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.netns}", *unshare, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_and_wait(self) -> None:
        self.start()
        wait_for(lambda: self.healthy() or not self.alive(), "nginx to answer")
        assert self.alive(), self.log.read_text()

    def master(self) -> int:
        """Its process id outside of its namespace."""
        assert self._process is not None
        return children(self._process.pid)[0]

    def processes(self) -> list[int]:
        """Master and workers, not the reload loop."""
        master = self.master()
        return [master, *(pid for pid in children(master) if b"nginx: worker" in command_line(pid))]

    def stop(self, number: signal.Signals = signal.SIGKILL, limit_s: float = 20) -> int:
        assert self._process is not None
        os.kill(self.master(), number)
        code = self._process.wait(timeout=limit_s)
        self._process = None
        return code

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def get(self, path: str) -> str | None:
        connection = UnixConnection(self.run / "status.sock")
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read().decode().strip()
            return body if response.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def healthy(self) -> bool:
        return self.get("/healthz") is not None

    def generation(self) -> str | None:
        return self.get("/generation")

    def as_agent(self, action: Callable[[], None]) -> None:
        """Run `action` in a child with the agent's uid, gid and groups."""
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([AGENT_ID])
                os.setgid(AGENT_ID)
                os.setuid(AGENT_ID)
                os.umask(0o022)
                action()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0, "the agent's user was not allowed to"

    def write(self, text: str) -> None:
        """nginx.conf, as the agent writes it."""

        def write() -> None:
            new = self.run / "nginx.conf.new"
            new.write_text(text)
            new.rename(self.run / "nginx.conf")

        self.as_agent(write)

    def request(self, generation: str) -> None:
        def request() -> None:
            fifo = os.open(self.run / "reload", os.O_WRONLY | os.O_NONBLOCK)
            os.write(fifo, generation.encode() + b"\n")

        self.as_agent(request)

    def result(self) -> dict[str, Any] | None:
        try:
            return json.loads((self.run / "result.json").read_text())
        except FileNotFoundError:
            return None

    def wait_for_result(self, generation: str) -> dict[str, Any]:
        wait_for(lambda: (self.result() or {}).get("generation") == generation, f"the result of {generation}")
        result = self.result()
        assert result is not None
        return result

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._own:
            subprocess.run(["ip", "netns", "del", self.netns], check=True)
        shutil.rmtree(self.folder)
