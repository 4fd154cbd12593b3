"""A client is a machine of its own on the nodes' segment: a network namespace with a veth on the bridge.

It has an IPv4 and an IPv6 address of the segment and no route anywhere else. Two clients have two ARP caches, so an
observer can ask who has an address without touching what the first one believes.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from tests.cluster import commands
from tests.cluster.commands import output_of
from tests.cluster.errors import CommandFailed
from tests.cluster.network import Network
from tests.cluster.paths import CLUSTER_NAME

PREFIX = f"{CLUSTER_NAME}-client-"


@dataclass(frozen=True, slots=True)
class Client:
    name: str
    ipv4: IPv4Address
    ipv6: IPv6Address | None

    interface: str = "eth0"

    @property
    def namespace(self) -> str:
        return PREFIX + self.name

    @property
    def namespace_path(self) -> Path:
        return Path("/run/netns") / self.namespace

    @property
    def prefix(self) -> list[str]:
        """The beginning of a command that runs as this client."""
        return ["nsenter", f"--net={self.namespace_path}"]

    def run(
        self, argv: Sequence[str], *, check: bool = True, timeout_s: float = 60, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as this client. CommandFailed with what it said where it fails and `check` is set."""
        done = commands.run([*self.prefix, *argv], stdin=stdin, timeout_s=timeout_s)
        if check and done.returncode:
            raise CommandFailed(list(argv), done.returncode, done.stdout + done.stderr)
        return done

    def popen(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Starts a command that goes on, with pipes. Its end is the caller's business."""
        return subprocess.Popen(
            [*self.prefix, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )

    def ping(self, address: object, count: int = 1, timeout_s: int = 1) -> bool:
        ping = ["ping", "-n", "-q", "-c", str(count), "-W", str(timeout_s), str(address)]
        return self.run(ping, check=False).returncode == 0

    def forget_neighbours(self) -> None:
        self.run(["ip", "neighbour", "flush", "all"])


def exists(name: str) -> bool:
    return (Path("/run/netns") / (PREFIX + name)).exists()


def existing_names() -> list[str]:
    return sorted(path.name.removeprefix(PREFIX) for path in Path("/run/netns").glob(f"{PREFIX}*"))


def port_name(name: str) -> str:
    """Of the bridge's end: interface names have 15 characters at most."""
    return f"vkc-{name}"[:15]


def create(client: Client, host: Sequence[str], bridge: str, networks: Sequence[Network]) -> None:
    port = port_name(client.name)
    output_of(["ip", "netns", "add", client.namespace])
    veth = ["ip", "link", "add", port, "type", "veth", "peer", "name", client.interface, "netns", client.namespace]
    output_of([*host, *veth])
    output_of([*host, "ip", "link", "set", port, "master", bridge, "up"])
    client.run(["ip", "link", "set", "lo", "up"])
    client.run(["ip", "link", "set", client.interface, "up"])
    for network, address in zip(networks, filter(None, (client.ipv4, client.ipv6)), strict=False):
        without_waiting = ["nodad"] if network.version == 6 else []
        where = ["dev", client.interface]
        client.run(["ip", "address", "add", f"{address}/{network.prefixlen}", *where, *without_waiting])


def delete(name: str) -> None:
    """The veth goes with the namespace."""
    if exists(name):
        output_of(["ip", "netns", "delete", PREFIX + name])
