"""`vipkeeper run` with an nginx of its own, and a client that asks it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from tests.netns.lan import Host, Lan, wait_for
from tests.netns.processes import children, is_alive
from tests.netns.standalone import VIP, Standalone, preferring, write


def page(text: str, port: int = 80, **more: Any) -> dict[str, Any]:
    """An nginx section that answers `text`."""
    return {"http": [{"port": port, "response": {"body": text}, **more}]}


class NginxRun(Standalone):
    @property
    def master(self) -> int:
        pids = [line.partition("nginx started pid=")[2] for line in self.log().splitlines() if "nginx started" in line]
        return int(pids[-1])

    @property
    def workers(self) -> list[int]:
        return children(self.master)

    @property
    def status_socket(self) -> Path:
        return self.state_dir / "nginx/status.sock"

    def kill_nginx(self) -> None:
        """The master alone."""
        master = self.master
        os.kill(master, signal.SIGKILL)
        wait_for("it is dead", lambda: not is_alive(master))

    def serves(self) -> bool:
        """And says so to its engine."""
        said = [line for line in self.log().splitlines() if "NginxDoesNotServe" in line and " vip=web " in line]
        return bool(said) and "healthy=True" in said[-1]


def ask(client: Host, address: str = VIP, port: int = 80) -> str:
    """The answer; empty for none."""
    return client.run("curl", "-s", "-m", "1", f"http://{address}:{port}/", check=False)


def nginx_pair(lan: Lan, folder: Path, *, key: bool = False, **spec: Any) -> tuple[NginxRun, NginxRun]:
    """Both serve, one has the address. Each has a file of its own, whose page is its name. `key`: they hand over."""
    hosts = {name: lan.host(name) for name in ("one", "two")}
    (folder / "key").write_text("a key that all hosts share\n")
    (folder / "key").chmod(0o600)
    runs = []
    for name, other in (("one", "two"), ("two", "one")):
        file = write(folder / f"{name}.yaml", preferring({"one": 200}, **{"nginx": page(name), **spec}))
        options = ["--key-file", str(folder / "key"), "--peer", f"{other}={hosts[other].ipv4}"] if key else []
        runs.append(NginxRun(hosts[name], file).start(*options))
    one, two = runs
    for run in runs:
        wait_for(f"it serves\n{run.log()}", run.serves, 40)
    wait_for("one has it", lambda: lan.owners(VIP) == ["one"] and two.states()[-1:] == ["backup"], 30)
    return one, two
