"""The segment, its hosts, and the faults done to them. Nothing is judged here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.chaos.faults import CHECK, Fault, Step, first_priorities
from tests.netns.lan import Host, Lan, die_with_us, wait_for
from tests.netns.processes import is_alive
from tests.netns.standalone import Standalone, preferring, write

VIP, VIP6, EXTRA = "192.0.2.100", "2001:db8::100", "192.0.2.101"
LEFT_LEASE_S = "600"
BUSY = "import time\nend = time.monotonic() + float({seconds})\nwhile time.monotonic() < end: pass"
SERVER = f"""
import socket
listening = socket.create_server(("127.0.0.1", {CHECK["port"]}))
print(flush=True)
while True:
    listening.accept()[0].close()
"""
ALL_VRRP = ("ip protocol 112 drop", "ip6 nexthdr 112 drop")


class World:
    """Hosts that know each other and share a key, and a client."""

    def __init__(self, lan: Lan, names: Sequence[str], interval_ms: int) -> None:
        self.lan = lan
        self.interval_ms = interval_ms
        self._file = lan.folder / "vip.yaml"
        self._key = lan.folder / "key"
        self._key.touch(0o600)
        self._key.write_text("a key that all hosts of the chaos share\n")
        self.runs = {name: Standalone(lan.host(name), self._file) for name in names}
        self._servers: dict[str, subprocess.Popen[Any]] = {}
        self.client = lan.host("client")
        self._write(first_priorities(names), extra=False)
        lan.switch("ip", "link", "add", "br1", "type", "bridge")
        lan.switch("ip", "link", "set", "br1", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
        lan.switch("ip", "link", "set", "br1", "up")

    def start(self) -> None:
        for name in self.runs:
            self._serve(name)
            self._launch(name)

    @property
    def namespaces(self) -> dict[str, Path]:
        return {name: namespace_of(run.host) for name, run in self.runs.items()}

    def begin(self, step: Step) -> None:
        run = self.runs[step.host]
        match step.fault:
            case Fault.KILL_ENGINE:
                _kill(run.engine, signal.SIGKILL)
            case Fault.KILL_GUARD:
                _kill(run.guard, signal.SIGKILL)
            case Fault.KILL_RUN:
                _kill(run.pid, signal.SIGKILL)
                run.wait()
            case Fault.KILL_ALL:
                self._kill_all(run)
            case Fault.LEFTOVER:
                self._kill_all(run)
                _lengthen_lease(run.host)
            case Fault.FREEZE_ENGINE:
                _kill(run.engine, signal.SIGSTOP)
            case Fault.FREEZE_ALL | Fault.BLINK:
                _signal_all(_pids(run), signal.SIGSTOP)
            case Fault.UNPLUG:
                run.host.unplug()
            case Fault.CUT:
                run.host.cut()
            case Fault.PARTITION:
                self._move(step, "br1")
            case Fault.BLOCK_VRRP:
                for each in self.runs.values():
                    _drop(each.host, *ALL_VRRP)
            case Fault.BLOCK_VRRP_IN:
                _drop(run.host, *ALL_VRRP)
            case Fault.DEAF:
                _drop(run.host, "drop")
            case Fault.MUTE:
                self._drop_what_comes_from(step.host)
            case Fault.LOSS:
                _drop(run.host, f"numgen random mod 100 < {step.percent} drop")
            case Fault.LOAD:
                self._load(step.seconds)
            case Fault.RESTART | Fault.STOP:
                run.stop()
            case Fault.SERVER_DIES:
                self._servers[step.host].kill()
                self._servers[step.host].wait()
            case Fault.EDIT_PRIORITY | Fault.EDIT_ADDRESSES:
                self._write(step.priorities, extra=step.extra_address)
                for each in self.runs.values():
                    each.reload()

    def end(self, step: Step) -> None:
        run = self.runs[step.host]
        match step.fault:
            case Fault.KILL_RUN | Fault.KILL_ALL | Fault.LEFTOVER | Fault.RESTART | Fault.STOP:
                self._launch(step.host)
            case Fault.FREEZE_ENGINE:
                _kill(run.engine, signal.SIGCONT)
            case Fault.FREEZE_ALL | Fault.BLINK:
                _signal_all(_pids(run), signal.SIGCONT)
            case Fault.UNPLUG:
                run.host.plug()
            case Fault.CUT:
                run.host.heal()
            case Fault.PARTITION:
                self._move(step, "br0")
            case Fault.BLOCK_VRRP:
                for each in self.runs.values():
                    _let_pass(each.host)
            case Fault.BLOCK_VRRP_IN | Fault.DEAF | Fault.LOSS:
                _let_pass(run.host)
            case Fault.MUTE:
                self.lan.switch("nft", "delete", "table", "netdev", "chaos")
            case Fault.SERVER_DIES:
                self._serve(step.host)
            case _:
                pass

    def sides(self, step: Step) -> list[set[str]]:
        """Of a partition; the client is with the second one."""
        return [{step.host}, set(step.others())] if step.percent < 18 else [set(step.others()), {step.host}]

    def not_running(self) -> list[str]:
        """Hosts without an engine."""
        return [name for name, run in self.runs.items() if not _runs(run)]

    def state(self, name: str) -> str:
        """Of the router, by what the present engine of the host has said; "" while there is none."""
        run = self.runs[name]
        if not _runs(run):
            return ""
        _before, _, said = run.log().rpartition("engine started pid=")
        return said.rpartition(" state=")[2].partition(" ")[0] if " state=" in said else ""

    def ask_for_journals(self) -> list[Path]:
        folders = [run.state_dir / "journal" for run in self.runs.values()]
        before = {path for folder in folders for path in folder.glob("*.journal")}
        running = [run for name, run in self.runs.items() if name not in self.not_running()]
        for run in running:
            run.send(signal.SIGUSR1)
        found: list[Path] = []

        def written() -> bool:
            found[:] = sorted(path for folder in folders for path in folder.glob("*.journal"))
            return len(set(found) - before) >= len(running)

        with suppress(AssertionError):  # as many as there are
            wait_for("journals", written, 5)
        return found

    # --- inside ----------------------------------------------------------------------------------------------

    def _launch(self, name: str) -> None:
        others = [run.host for other, run in self.runs.items() if other != name]
        peers = [word for host in others for word in ("--peer", f"{host.name}={host.ipv4}")]
        self.runs[name].launch("--key-file", str(self._key), *peers)

    def _write(self, priorities: dict[str, int], *, extra: bool) -> None:
        addresses = [VIP, VIP6, EXTRA] if extra else [VIP, VIP6]
        vrrp: dict[str, Any] = {"advertisementInterval": f"{self.interval_ms}ms"}
        write(self._file, preferring(priorities, addresses=addresses, vrrp=vrrp, health={"tcp": [CHECK]}))

    def _serve(self, name: str) -> None:
        """Something for the health check, ready when this returns."""
        server = self.runs[name].host.start(sys.executable, "-c", SERVER, stdout=subprocess.PIPE)
        assert server.stdout is not None
        server.stdout.readline()
        self._servers[name] = server

    def _drop_what_comes_from(self, name: str) -> None:
        """At the switch: a firewall on the host would let pass what its engine sends by packet sockets."""
        chain = f"chain from {{\ntype filter hook ingress device {name} priority 0;\ndrop\n}}"
        self.lan.switch("nft", f"table netdev chaos {{\n{chain}\n}}")

    def _move(self, step: Step, switch: str) -> None:
        for name in sorted(self.sides(step)[0]):
            self.lan.switch("ip", "link", "set", name, "master", switch)

    def _load(self, seconds: float) -> None:
        program = BUSY.format(seconds=seconds)
        for _ in range(2 * (os.cpu_count() or 1)):
            process = subprocess.Popen([sys.executable, "-c", program], preexec_fn=die_with_us)
            self.lan.at_end.callback(process.wait)

    def _kill_all(self, run: Standalone) -> None:
        pids = _pids(run)
        _signal_all(pids, signal.SIGSTOP)  # so that nobody leaves in order because another one has gone
        _signal_all(pids, signal.SIGKILL)
        run.wait()


def namespace_of(host: Host) -> Path:
    return Path("/run/netns") / host.namespace


def _runs(run: Standalone) -> bool:
    with suppress(OSError):  # a process that ends while it is looked at
        return bool(run.guard) and is_alive(run.engine)
    return False


def _pids(run: Standalone) -> list[int]:
    return [pid for pid in (run.pid, run.guard, run.engine) if pid]


def _signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        _kill(pid, number)


def _kill(pid: int, number: signal.Signals) -> None:
    if not pid:
        raise AssertionError("there is nobody to signal")
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _lengthen_lease(host: Host) -> None:
    """As a run with slow adverts has left it."""
    for address, length in ((VIP, 32), (VIP6, 128), (EXTRA, 32)):
        if host.has(address):
            lease = ["valid_lft", LEFT_LEASE_S, "preferred_lft", "0" if length == 128 else LEFT_LEASE_S]
            host.run("ip", "address", "change", f"{address}/{length}", "dev", "eth0", *lease)


def _drop(host: Host, *rules: str) -> None:
    """Of what comes in. Frames of ARP as well, but where VRRP alone is meant."""
    families = {"inet": ['iif "lo" accept', *rules]} | ({} if rules == ALL_VRRP else {"arp": list(rules)})
    for family, lines in families.items():
        body = "\n".join(["type filter hook input priority 0;", *lines])
        host.run("nft", f"table {family} chaos {{\nchain input {{\n{body}\n}}\n}}\n")


def _let_pass(host: Host) -> None:
    for family in ("inet", "arp"):
        host.run("nft", "delete", "table", family, "chaos", check=False)


def settle_time(until_ns: int) -> None:
    """A fault lasts until then."""
    while (left_ns := until_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / 1e9)
