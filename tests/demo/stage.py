"""What the first acts of the demo made and the others play on, and the client's two eyes: pings and requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.cluster import Cluster
from tests.cluster.clients import Client
from tests.cluster.network import Address
from tests.demo.screen import Screen
from tests.e2e.support import prober
from tests.e2e.support.timeline import Timeline
from tests.e2e.support.virtualips import Vip

PORT = 80
ANSWER_S = 120
QUIET_BEFORE_S, QUIET_AFTER_S = 1.0, 1.5
"""How long the client is seen to be content before the fault, and after it."""
CLUSTER_COMMAND = ".venv/bin/python -m tests.cluster"


@dataclass(frozen=True, slots=True)
class Stage:
    cluster: Cluster
    client: Client
    vip: Vip
    address: Address

    @contextmanager
    def probing(self) -> Iterator[tuple[prober.Prober, prober.Prober]]:
        pings = prober.ping(self.client, self.address)
        with pings, prober.http(self.client, self.address, PORT) as requests:
            yield pings, requests

    def request(self) -> tuple[int, str]:
        return prober.fetch(self.client, self.address, PORT)

    def answers(self) -> bool:
        return self.request()[0] == 200

    def show_vip(self, screen: Screen) -> None:
        screen.command("kubectl get vip")
        screen.output(self.cluster.kubectl("get", "vip"))


def show_gap(screen: Screen, pings: Timeline, requests: Timeline) -> None:
    screen.figure(
        f"longest gap that the client saw: {pings.longest_gap().ms:.0f} ms by ping (one each 5 ms),"
        f" {requests.longest_gap().ms:.0f} ms by HTTP (one each 20 ms)"
    )
