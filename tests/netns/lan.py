"""A segment made of network namespaces: one bridge ("the switch"), and hosts with an `eth0` on it.

Fixed MAC addresses, no multicast snooping, no forward delay: what a test sees is the speakers', not the switch's.
Everything carries this process's id in its name and is removed at the end; what a crashed run has left (its process is
gone) is removed at the next start.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeVar

PREFIX = "vk"
IPV4_PREFIX = "192.0.2"
IPV6_PREFIX = "2001:db8::"
_PR_SET_PDEATHSIG = 1
_numbers = count()
_libc = ctypes.CDLL(None)

T = TypeVar("T")


def wait_for(what: str | Callable[[], str], probe: Callable[[], T], limit_s: float = 15.0, pause_s: float = 0.02) -> T:
    """Until `probe` returns something true. `what` is the sentence of the failure: made then, if it tells of a log."""
    deadline = time.monotonic() + limit_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what if isinstance(what, str) else what()}")
        time.sleep(pause_s)


def stays(what: str, probe: Callable[[], object], seconds: float) -> None:
    """`probe` is true all the time. The one place where a test watches the clock: to see that nothing happens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert probe(), f"not for all of {seconds} s: {what}"
        time.sleep(0.02)


def run(*command: str, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def die_with_us() -> None:
    """In a child before exec: a test run that is killed leaves no process."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def sweep_leftovers() -> None:
    """Namespaces of test runs whose process is gone."""
    for name in _namespace_names():
        owner = name.removeprefix(PREFIX).partition("-")[0]
        if name.startswith(PREFIX) and owner.isdigit() and not Path(f"/proc/{owner}").exists():
            _remove_namespace(name)


def _namespace_names() -> list[str]:
    folder = Path("/run/netns")
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def _remove_namespace(name: str) -> None:
    for pid in run("ip", "netns", "pids", name, check=False).split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    run("ip", "netns", "del", name, check=False)


@dataclass(slots=True)
class Host:
    """A machine on the segment. `number` is the end of its addresses."""

    lan: Lan
    name: str
    number: int
    namespace: str
    mac: str
    processes: list[subprocess.Popen[Any]] = field(default_factory=list)

    @property
    def ipv4(self) -> str:
        return f"{IPV4_PREFIX}.{self.number}"

    @property
    def link_local(self) -> str:
        """Made by the kernel from the MAC address (EUI-64)."""
        mac = bytes.fromhex(self.mac.replace(":", ""))
        identifier = bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:]
        return str(IPv6Address(IPv6Address("fe80::").packed[:8] + identifier))

    def command(self, *command: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *command]

    def run(self, *command: str, check: bool = True) -> str:
        return run(*self.command(*command), check=check)

    def start(self, *command: str, **options: Any) -> subprocess.Popen[Any]:
        """A process that ends with the segment at the latest."""
        process = subprocess.Popen(self.command(*command), preexec_fn=die_with_us, **options)
        self.processes.append(process)
        return process

    def addresses(self, interface: str = "eth0") -> set[str]:
        """What is on the interface now."""
        shown = json.loads(self.run("ip", "-j", "address", "show", "dev", interface, check=False) or "[]")
        return {item["local"] for link in shown for item in link.get("addr_info", []) if "local" in item}

    def address_details(self, address: str) -> dict[str, Any]:
        shown = json.loads(self.run("ip", "-j", "-d", "address", "show", "dev", "eth0"))
        for link in shown:
            for item in link.get("addr_info", []):
                if item.get("local") == address:
                    return dict(item)
        raise AssertionError(f"{address} is not on {self.name}")

    def has(self, address: str) -> bool:
        return address in self.addresses()

    def cut(self) -> None:
        """Off the switch; the host's own link stays up: what a crashed machine looks like to the others."""
        self.lan.switch("ip", "link", "set", self.name, "nomaster")

    def heal(self) -> None:
        self.lan.switch("ip", "link", "set", self.name, "master", "br0")

    def unplug(self) -> None:
        """The cable is out: carrier is lost on the host's side as well."""
        self.lan.switch("ip", "link", "set", self.name, "down")

    def plug(self) -> None:
        self.lan.switch("ip", "link", "set", self.name, "up")

    def answers(self, address: str) -> bool:
        """Whether `address` answers a ping from here."""
        done = subprocess.run(
            self.command("ping", "-n", "-q", "-c", "1", "-W", "1", address), capture_output=True, check=False
        )
        return done.returncode == 0

    def neighbour_mac(self, address: str) -> str:
        """Who answers for `address`, as this host's neighbour table has it."""
        for item in json.loads(self.run("ip", "-j", "neigh", "show", address, "dev", "eth0", check=False) or "[]"):
            if "lladdr" in item:
                return str(item["lladdr"])
        return ""


class Lan:
    """The segment. A context manager: everything ends with it."""

    def __init__(self, folder: Path) -> None:
        for program in ("ip", "nsenter", "ping"):
            if shutil.which(program) is None:
                raise RuntimeError(f"{program} is missing")
        self.folder = folder
        self.hosts: list[Host] = []
        self.at_end = ExitStack()
        """For what tests open besides."""
        self._name = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
        self._switch = f"{self._name}-switch"

    def __enter__(self) -> Lan:
        sweep_leftovers()
        run("ip", "netns", "add", self._switch)
        self.switch("ip", "link", "set", "lo", "up")
        self.switch("ip", "link", "add", "br0", "address", "02:00:00:00:ff:01", "type", "bridge")
        self.switch("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
        self.switch("ip", "link", "set", "br0", "up")
        return self

    def __exit__(self, *_error: object) -> None:
        self.at_end.close()
        for host in self.hosts:
            for process in host.processes:
                if process.poll() is None:
                    process.kill()
            for process in host.processes:
                process.wait()
                for stream in (process.stdin, process.stdout, process.stderr):
                    if stream is not None:
                        stream.close()
        for host in self.hosts:
            _remove_namespace(host.namespace)
        _remove_namespace(self._switch)

    def switch(self, *command: str) -> str:
        return run("nsenter", f"--net=/run/netns/{self._switch}", *command)

    def host(self, name: str, *, ipv4: bool = True, ipv6: bool = True, default_route: bool = False) -> Host:
        """A new machine, its link-local address ready for use."""
        number = len(self.hosts) + 1
        host = Host(self, name, number, f"{self._name}-{name}", f"02:00:00:00:00:{number:02x}")
        run("ip", "netns", "add", host.namespace)
        self.hosts.append(host)
        port_mac = f"02:00:00:00:fe:{number:02x}"
        host.run("ip", "link", "set", "lo", "up")
        host.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        pair = ["ip", "link", "add", name, "address", port_mac, "type", "veth"]
        self.switch(*pair, "peer", "name", "eth0", "address", host.mac, "netns", host.namespace)
        self.switch("ip", "link", "set", name, "master", "br0", "up")
        if not ipv6:
            host.run("sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
        host.run("ip", "link", "set", "eth0", "up")
        if ipv4:
            host.run("ip", "address", "add", f"{host.ipv4}/24", "dev", "eth0")
            if default_route:
                host.run("ip", "route", "add", "default", "via", f"{IPV4_PREFIX}.254")
        if ipv6:
            host.run("ip", "address", "add", f"{IPV6_PREFIX}{number:x}/64", "dev", "eth0", "nodad")
            wait_for(f"link-local address of {name}", lambda: any(a.startswith("fe80:") for a in host.addresses()))
        return host

    def owners(self, address: str) -> list[str]:
        """Names of the hosts that have `address` now."""
        return [host.name for host in self.hosts if host.has(address)]

    def capture(self, expression: str) -> Capture:
        return Capture(self, expression)


class Capture:
    """tcpdump on the switch: one line of text for each frame that it forwards."""

    def __init__(self, lan: Lan, expression: str) -> None:
        self._path = lan.folder / f"capture-{next(_numbers)}.txt"
        self._file: IO[bytes] = self._path.open("wb")
        self._errors = self._path.with_suffix(".err")
        host = lan.hosts[0]
        command = ["tcpdump", "-l", "-n", "-e", "-tt", "-v", "-i", "br0", "--immediate-mode", expression]
        with self._errors.open("wb") as errors:
            switch = ["nsenter", f"--net=/run/netns/{lan._switch}", *command]
            process = subprocess.Popen(switch, stdout=self._file, stderr=errors, preexec_fn=die_with_us)
        host.processes.append(process)
        lan.at_end.callback(self._file.close)
        self._process = process
        wait_for("tcpdump listens", lambda: b"listening on" in self._errors.read_bytes())

    def text(self) -> str:
        return self._path.read_text(errors="replace")

    def lines(self) -> list[str]:
        """One for each frame (continuation lines of -v are joined)."""
        joined: list[str] = []
        for line in self.text().splitlines():
            if line[:1].isspace() and joined:
                joined[-1] += line
            else:
                joined.append(line)
        return joined

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._file.close()
