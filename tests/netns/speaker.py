"""A speaker (guard, engine) on a host of the segment, and somebody who plays its agent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path

from tests.netns.lan import Host, wait_for
from vipkeeper.ipc.messages import (
    AgentMessage,
    Apply,
    EngineMessage,
    Gone,
    Health,
    HealthSource,
    Refused,
    Remove,
    RemoveReason,
    RouterStatus,
    Synced,
    Welcome,
    decode_engine_message,
    encode,
)
from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer

NGINX = NginxSection(http=(HTTPServer(port=80, servers=(UpstreamServer("127.0.0.1", 8080),)),))


def document(
    priorities: Mapping[str, int],
    *addresses: str,
    name: str = "web",
    vrid: int = 51,
    interval_cs: int = 25,
    preempt: bool = True,
    interface: str | None = None,
    generation: int = 1,
    uid: str | None = None,
    placement: str = "default",
    nginx: bool = False,
) -> RenderedVirtualIP:
    """A rendered VirtualIP; `priorities` by name of the host."""
    parts = [address.partition("/") for address in addresses or ("192.0.2.100",)]
    ranked = sorted(priorities, key=lambda node: -priorities[node])
    return RenderedVirtualIP(
        name=name,
        uid=uid or f"uid-of-{name}",
        generation=generation,
        placement=placement,
        vrid=vrid,
        advertisement_interval_cs=interval_cs,
        preempt=preempt,
        addresses=tuple(RenderedAddress(ip_address(a), int(length) if length else None) for a, _, length in parts),
        interface=interface,
        nodes={node: NodeShare(priority, ranked.index(node)) for node, priority in priorities.items()},
        nginx=NGINX if nginx else None,
    )


def edited(old: RenderedVirtualIP, **changes: object) -> RenderedVirtualIP:
    """The next generation."""
    return replace(old, generation=old.generation + 1, **changes)  # type: ignore[arg-type]


class Agent:
    """Connects to `engine.sock`, sends what a test says, remembers what the engine says."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._rest = b""
        self.welcome: Welcome | None = None
        self.statuses: dict[str, RouterStatus] = {}
        self.history: list[EngineMessage] = []

    def send(self, message: AgentMessage) -> None:
        self._socket.setblocking(True)
        self._socket.sendall(encode(message))
        self._socket.setblocking(False)

    def send_raw(self, line: bytes) -> None:
        self._socket.sendall(line)

    def read(self) -> None:
        """Take in what has come."""
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return
            if not data:
                raise ConnectionResetError("the engine has closed the connection")
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._take(decode_engine_message(line))

    def is_welcome(self) -> bool:
        self.read()
        return self.welcome is not None

    def status(self, name: str = "web") -> RouterStatus | None:
        self.read()
        return self.statuses.get(name)

    def refusals(self) -> list[Refused]:
        self.read()
        return [message for message in self.history if isinstance(message, Refused)]

    def is_gone(self, name: str) -> bool:
        self.read()
        return any(isinstance(message, Gone) and message.name == name for message in self.history)

    def transitions(self, name: str = "web") -> list[tuple[str, str]]:
        """State and reason, in their order, without repetitions."""
        self.read()
        seen: list[tuple[str, str]] = []
        for message in self.history:
            if isinstance(message, RouterStatus) and message.name == name:
                pair = (message.state, message.reason)
                if not seen or seen[-1] != pair:
                    seen.append(pair)
        return seen

    def close(self) -> None:
        self._socket.close()

    def _take(self, message: EngineMessage) -> None:
        self.history.append(message)
        match message:
            case Welcome():
                self.welcome = message
            case RouterStatus():
                self.statuses[message.name] = message
            case Gone(name):
                self.statuses.pop(name, None)
            case Refused():
                pass


class Speaker:
    """`python3 -m vipkeeper.engine` on `host`."""

    def __init__(
        self,
        host: Host,
        *,
        placement: str = "default",
        nginx: bool = False,
        state_dir: Path | None = None,
        folder_name: str | None = None,
    ) -> None:
        self.host = host
        self.placement = placement
        folder = host.lan.folder / (folder_name or f"{host.name}-{placement}")
        self.run_dir = folder / "run"
        self.state_dir = state_dir or folder / "state"
        self.log_path = folder / "log"
        for path in (self.run_dir / "nginx", self.state_dir):
            path.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ["PATH"],
            "NODE_NAME": host.name,
            "VIPKEEPER_PLACEMENT": placement,
            "VIPKEEPER_RUN_DIR": str(self.run_dir),
            "VIPKEEPER_STATE_DIR": str(self.state_dir),
            "VIPKEEPER_NGINX": "1" if nginx else "0",
            "PYTHONWARNINGS": "error",
        }
        self._agent: Agent | None = None
        self.process: subprocess.Popen[bytes] | None = None
        host.lan.at_end.callback(self.leave_agent)

    # ---- its life

    def shell_command(self) -> str:
        return f"exec {sys.executable} -m vipkeeper.engine"

    def start(self) -> Speaker:
        with self.log_path.open("ab") as log:
            self.process = self.host.start(
                sys.executable, "-m", "vipkeeper.engine", env=self.environment, stdout=log, stderr=log
            )
        wait_for(f"engine.sock on {self.host.name}", self._listens)
        return self

    @property
    def guard(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def engine(self) -> int:
        """Its process id; 0 while there is none."""
        for line in reversed(self.log().splitlines()):
            if "engine started pid=" in line:
                return int(line.partition("pid=")[2])
        return 0

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.leave_agent()
        self.process.terminate()
        return self.process.wait(20)

    def kill_engine(self) -> int:
        """SIGKILL. Returns its process id."""
        engine = self.engine
        os.kill(engine, signal.SIGKILL)
        self.leave_agent()
        return engine

    def wait_for_another_engine(self, killed: int) -> None:
        wait_for(f"another engine runs on {self.host.name}", lambda: self.engine not in (0, killed))

    def kill_everything(self) -> None:
        """Both at once, as when the container is killed."""
        assert self.process is not None
        os.kill(self.guard, signal.SIGSTOP)  # so that it starts no new engine in between
        os.kill(self.engine, signal.SIGKILL)
        os.kill(self.guard, signal.SIGKILL)
        self.process.wait()
        self.leave_agent()

    def freeze(self, *, everything: bool = False) -> None:
        if everything:
            os.kill(self.guard, signal.SIGSTOP)
        os.kill(self.engine, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in (self.engine, self.guard):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # ---- its agent

    @property
    def agent(self) -> Agent:
        if self._agent is None:
            wait_for(f"engine.sock on {self.host.name}", self._listens)
            self._agent = Agent(self.run_dir / "engine.sock")
        return self._agent

    def apply(self, *documents: RenderedVirtualIP, served: bool = True) -> None:
        """`served`: nginx has loaded what there is for it, as the agent says when it is so."""
        for item in documents:
            self.agent.send(Apply(item))
            if item.nginx is not None and served:
                self.agent.send(Health(HealthSource.SECTION, True, name=item.name))

    def take(self, wanted: RenderedVirtualIP) -> RenderedVirtualIP:
        """Be Active with a document of long intervals, without waiting for three of them first. Returns what runs."""
        quick_cs = 100 if wanted.vrrp_version == 2 else 10
        self.apply(replace(wanted, advertisement_interval_cs=quick_cs))
        self.wait_until("Active", wanted.name)
        slow = edited(wanted)
        self.apply(slow)
        wait_for("the long interval runs", lambda: self.told(wanted.name).generation == slow.generation)
        return slow

    def remove(self, name: str = "web", reason: RemoveReason = RemoveReason.DELETED) -> None:
        self.agent.send(Remove(name, reason))

    def synced(self, *names: str) -> None:
        self.agent.send(Synced(names))

    def status(self, name: str = "web") -> RouterStatus | None:
        try:
            return self.agent.status(name)
        except OSError:
            self.leave_agent()
            return None

    def told(self, name: str = "web") -> RouterStatus:
        """What it says of itself now; a new agent waits until it says something."""
        wait_for(lambda: f"something is told of {name}\n{self.log()}", lambda: self.status(name) is not None, 5)
        status = self.status(name)
        assert status is not None, name
        return status

    def is_in(self, state: str, name: str = "web") -> bool:
        status = self.status(name)
        return status is not None and status.state == state

    def wait_until(self, state: str, name: str = "web", limit_s: float = 15.0) -> RouterStatus:
        what = f"{name} is {state} on {self.host.name}"
        wait_for(lambda: f"{what}\n{self.log()}", lambda: self.is_in(state, name), limit_s)
        return self.told(name)

    def stored(self) -> dict[str, int]:
        """Generation by name, of the documents in the state folder."""
        folder = self.state_dir / "documents"
        files = sorted(folder.glob("*.json")) if folder.is_dir() else []
        return {file.stem: json.loads(file.read_text())["generation"] for file in files}

    def _listens(self) -> bool:
        probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            probe.connect(str(self.run_dir / "engine.sock"))
        except OSError:
            assert self.process is None or self.process.poll() is None, f"the guard has ended\n{self.log()}"
            return False
        finally:
            probe.close()
        return True

    def leave_agent(self) -> None:
        if self._agent is not None:
            self._agent.close()
            self._agent = None


class Pinger:
    """Asks an address again and again, and knows the longest time without an answer."""

    def __init__(self, host: Host, address: str, interval_ms: int = 10) -> None:
        self._path = host.lan.folder / f"ping-{time.monotonic_ns()}.txt"
        self._interval_s = interval_ms / 1000
        with self._path.open("wb") as output:
            self._process = host.start(
                "ping", "-n", "-D", "-i", str(self._interval_s), address, stdout=output, stderr=subprocess.STDOUT
            )
        wait_for(f"{address} answers {host.name}", lambda: self._answers())

    def longest_gap_ms(self) -> float:
        """Ends it. From one answer to the next (or to the end)."""
        times = [*self._answers(), time.time()]
        self._process.send_signal(signal.SIGINT)
        self._process.wait()
        return max(later - earlier for earlier, later in pairwise(times)) * 1000

    def _answers(self) -> list[float]:
        lines = self._path.read_text(errors="replace").splitlines()
        return [float(line[1 : line.index("]")]) for line in lines if "bytes from" in line]
