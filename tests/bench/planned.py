"""Two members, a client, and a watch over the kernels: the stage of what both programs do on plain hosts.

Pairs live side by side, each on a bridge of its own, so that one goes back to where it was while another one is
measured. The client asks each millisecond (`tests/netns/prober.py`); what counts is which questions were answered.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bench import CanNotRun
from tests.bench.members import KeepalivedRun, Member, Wish
from tests.e2e.support.owners import OwnerWatch
from tests.netns.lan import Host, Lan, wait_for
from tests.netns.prober import Prober

REST_S = 0.5
"""What a Backup needs, after its start, until its peers know it."""


@dataclass(slots=True)
class PlannedPair:
    case: str
    wish: Wish
    one: Member
    """The wanted Active."""
    two: Member
    client: Host
    owners: OwnerWatch

    def settle(self, limit_s: float = 60.0) -> None:
        """One alone has had the address for three intervals and a bit."""
        rest_ns = int((REST_S + 3 * self.interval_s) * 1e9)

        def settled() -> bool:
            since_ns = time.monotonic_ns() - rest_ns
            return {span.owners for span in self.owners.spans(self.wish.vip, since_ns)} == {frozenset({"one"})}

        wait_for(f"{self.case}, {self.one.name}: the first has the address, alone, and keeps it", settled, limit_s, 0.1)

    @property
    def interval_s(self) -> float:
        return self.wish.interval_cs / 100

    def random_moment(self) -> None:
        time.sleep(random.random() * self.interval_s)

    def wait_for_owner(self, name: str, limit_s: float = 30.0) -> None:
        self.owners.wait_for(self.wish.vip, {name}, limit_s)

    def probe(self) -> Prober:
        return Prober(self.client, self.wish.vip)

    def gap_ms(self, prober: Prober) -> float:
        """Now that it answers again, for as long as a late gratuitous ARP might still spoil it."""
        time.sleep(0.2)
        return prober.gap_ms()


@contextmanager
def planned_pair(case: str, program: type[Member], wish: Wish, *, two_networks: bool = False) -> Iterator[PlannedPair]:
    """Both are started; `settle` waits for the rest. `two_networks`: the hosts' own network besides."""
    if program is KeepalivedRun and shutil.which("keepalived") is None:
        raise CanNotRun("keepalived is not installed")
    with tempfile.TemporaryDirectory(prefix="vipkeeper-bench-") as folder, Lan(Path(folder)) as lan:
        hosts = [lan.host(name) for name in ("one", "two")]
        client = lan.host("client")
        ways = {host.name: [host.ipv4 if wish.family == 4 else host.link_local] for host in hosts}
        if two_networks:
            _join_second_network(lan, hosts)
            for host in hosts:
                ways[host.name].append(second_address(host))
        one, two = (
            program(host, wish, {name: found for name, found in ways.items() if name != host.name}) for host in hosts
        )
        with OwnerWatch({host.name: Path("/run/netns") / host.namespace for host in hosts}, only_up=True) as owners:
            for member in (one, two):
                if wish.checked:
                    member.serve()
                member.start()
            yield PlannedPair(case, wish, one, two, client, owners)


def second_address(host: Host) -> str:
    return f"10.9.0.{host.number}"


def _join_second_network(lan: Lan, hosts: list[Host]) -> None:
    """Another switch, and an eth1 in each host."""
    lan.switch("ip", "link", "add", "br1", "type", "bridge")
    lan.switch("ip", "link", "set", "br1", "up")
    for host in hosts:
        pair = ["ip", "link", "add", f"m{host.name}", "type", "veth", "peer", "name", "eth1"]
        lan.switch(*pair, "netns", host.namespace)
        lan.switch("ip", "link", "set", f"m{host.name}", "master", "br1", "up")
        host.run("ip", "link", "set", "eth1", "up")
        host.run("ip", "address", "add", f"{second_address(host)}/24", "dev", "eth1")
