"""Covers tests/e2e/support/owners.py and the probe programs, in three network namespaces of its own: no cluster.

What judges the product must itself be right: an address that moves, or that two hosts have, is seen as such.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import cast

import pytest

from tests.cluster.clients import Client
from tests.e2e.support import prober
from tests.e2e.support.owners import OwnerWatch
from tests.e2e.support.timeline import Timeline
from tests.e2e.support.waiting import wait_until

pytestmark = pytest.mark.root

VIP4, VIP6 = IPv4Address("10.77.0.50"), IPv6Address("fd77::50")


@dataclass(frozen=True)
class Host:
    """A namespace with eth0 on the segment."""

    namespace: str

    @property
    def prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self.namespace]

    def ip(self, *arguments: str) -> None:
        subprocess.run(["ip", "-n", self.namespace, *arguments], check=True)

    def take(self, *addresses: object) -> None:
        for address in addresses:
            self.ip(
                "address",
                "add",
                f"{address}/32" if ":" not in str(address) else f"{address}/128",
                "dev",
                "eth0",
                "nodad",
            )

    def drop(self, address: object) -> None:
        self.ip("address", "del", f"{address}/32", "dev", "eth0")


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    """Two that may own the address and a client, on one bridge (itself in a namespace)."""
    lan, *names = [f"vk{os.getpid()}{letter}" for letter in ("lan", "a", "b", "c")]
    try:
        for name in (lan, *names):
            subprocess.run(["ip", "netns", "add", name], check=True)
        switch, members = Host(lan), [Host(name) for name in names]
        switch.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
        switch.ip("link", "set", "br0", "up")
        for number, host in enumerate(members, start=1):
            switch.ip("link", "add", f"p{number}", "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
            switch.ip("link", "set", f"p{number}", "master", "br0", "up")
            host.ip("link", "set", "eth0", "up")
            host.ip("address", "add", f"10.77.0.{number}/24", "dev", "eth0")
            host.ip("address", "add", f"fd77::{number}/64", "dev", "eth0", "nodad")
        yield members
    finally:
        for name in (*names, lan):
            subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.fixture
def owners(hosts: list[Host]) -> Iterator[OwnerWatch]:
    with OwnerWatch(
        {name: Path("/run/netns") / host.namespace for name, host in zip("ab", hosts, strict=False)}
    ) as watch:
        yield watch


def test_addresses_that_were_there_before_are_known(hosts: list[Host], owners: OwnerWatch) -> None:
    assert owners.owners("10.77.0.1") == {"a"}
    assert owners.owners("fd77::2") == {"b"}
    assert owners.owners("10.77.0.99") == set()
    assert len(hosts) == 3


def test_move_with_a_gap_and_with_an_overlap_is_told_in_milliseconds(hosts: list[Host], owners: OwnerWatch) -> None:
    first, second, _client = hosts
    first.take(VIP4)
    owners.wait_for(VIP4, ["a"], 10)
    since_ns = time.monotonic_ns()
    first.drop(VIP4)
    owners.wait_for(VIP4, [], 10)
    second.take(VIP4)
    first.take(VIP4)
    owners.wait_for(VIP4, ["a", "b"], 10)
    second.drop(VIP4)
    owners.wait_for(VIP4, ["a"], 10)
    assert [sorted(span.owners) for span in owners.spans(VIP4, since_ns)] == [["a"], [], ["b"], ["a", "b"], ["a"]]
    without, doubled = owners.longest_without_owner(VIP4, since_ns), owners.longest_with_several(VIP4, since_ns)
    assert without is not None
    assert doubled is not None
    assert 0 < without.ms < 5000
    assert 0 < doubled.ms < 5000
    assert owners.longest_with_several(VIP4, since_ns, besides=["b"]) is None


def test_refreshed_lifetime_is_no_change_and_its_end_is_one(hosts: list[Host], owners: OwnerWatch) -> None:
    since_ns = time.monotonic_ns()
    lifetime = ["valid_lft", "1", "preferred_lft", "0"]
    for verb in ("add", "change", "change"):
        hosts[0].ip("address", verb, f"{VIP6}/128", "dev", "eth0", "nodad", *lifetime)
    owners.wait_for(VIP6, ["a"], 10)
    owners.wait_for(VIP6, [], 10)
    assert [sorted(span.owners) for span in owners.spans(VIP6, since_ns)] == [[], ["a"], []]


def test_an_address_on_an_interface_without_carrier_counts_only_where_it_was_asked_for(hosts: list[Host]) -> None:
    host = hosts[0]
    host.ip("link", "add", "mac0", "link", "eth0", "type", "macvlan", "mode", "bridge")
    host.ip("address", "add", f"{VIP4}/24", "dev", "mac0")
    namespace = {"a": Path("/run/netns") / host.namespace}
    with OwnerWatch(namespace) as all_of_them, OwnerWatch(namespace, only_up=True) as only_up:
        assert all_of_them.owners(VIP4) == {"a"}
        assert only_up.owners(VIP4) == set()
        since_ns = time.monotonic_ns()
        host.ip("link", "set", "mac0", "up")
        only_up.wait_for(VIP4, ["a"], 10)
        host.ip("link", "set", "mac0", "protodown", "on")
        only_up.wait_for(VIP4, [], 10)
        assert [sorted(span.owners) for span in only_up.spans(VIP4, since_ns)] == [[], ["a"], []]
        assert all_of_them.owners(VIP4) == {"a"}


@pytest.mark.parametrize("address", [VIP4, VIP6], ids=["ARP", "neighbour discovery"])
def test_observer_sees_both_owners_of_one_address(hosts: list[Host], address: object) -> None:
    first, second, client = hosts
    first.take(address)
    alone = _seen(client, address, prober.who_has, lambda: None)
    assert len(alone.answers()) == 1
    assert not prober.several_owners(alone)
    both = _seen(client, address, prober.who_has, lambda: second.take(address))
    assert prober.several_owners(both)


@pytest.mark.parametrize("address", [VIP4, VIP6], ids=["IPv4", "IPv6"])
def test_ping_sees_the_gap_of_a_link_that_is_down(hosts: list[Host], address: object) -> None:
    owner, _second, client = hosts
    owner.take(address)
    wait_until(
        "it answers",
        lambda: (
            subprocess.run([*client.prefix, "ping", "-c1", "-W1", str(address)], capture_output=True).returncode == 0
        ),
        15,
    )

    def blink() -> None:
        client.ip("route", "add", "blackhole", str(address))
        time.sleep(0.4)
        client.ip("route", "del", "blackhole", str(address))

    seen = _seen(client, address, prober.ping, blink)
    assert 300 < seen.longest_gap().ms < 3000
    assert len(seen.answered) > 50


def _seen(client: Host, address: object, probe: Callable[..., prober.Prober], act: Callable[[], None]) -> Timeline:
    with probe(cast(Client, client), address) as running:
        time.sleep(0.5)
        act()
        time.sleep(0.5)
        return running.stop()
