"""Cluster, clients and the watch on the kernels in one hand, with the verbs that most tests are made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import Cluster
from tests.cluster.clients import Client
from tests.cluster.network import Node
from tests.e2e.support import prober
from tests.e2e.support.owners import OwnerWatch
from tests.e2e.support.timeline import Timeline
from tests.e2e.support.virtualips import Address, Vip
from tests.e2e.support.waiting import wait_until

SETTLE_S = 60


@dataclass(slots=True)
class Seen:
    """What the segment saw during an observation; the timelines are there after its end."""

    address: Address
    since_ns: int
    owners: OwnerWatch
    ping: Timeline = field(init=False)
    who_has: Timeline = field(init=False)
    http: Timeline | None = field(init=False, default=None)

    @property
    def ping_gap_ms(self) -> float:
        return self.ping.longest_gap().ms

    @property
    def ping_loss_ms(self) -> float:
        return self.ping.longest_loss_ms()

    @property
    def http_gap_ms(self) -> float:
        assert self.http is not None, "this observation asked no HTTP"
        return self.http.longest_gap().ms

    def two_answered_ms(self) -> float:
        """For how long ARP (or neighbour discovery) was answered by several nodes, to the beat of the questions."""
        doubled = prober.several_owners(self.who_has)
        return (doubled[-1].sent_ns - doubled[0].sent_ns + self.who_has.interval_ns) / 1e6 if doubled else 0.0

    def two_owners_ms(self, besides: Iterable[str] = ()) -> float:
        """The longest time in which several kernels had the address, not counting nodes that are off the segment."""
        gap = self.owners.longest_with_several(self.address, self.since_ns, besides)
        return gap.ms if gap else 0.0

    def no_owner_ms(self) -> float:
        gap = self.owners.longest_without_owner(self.address, self.since_ns)
        return gap.ms if gap else 0.0

    def story(self) -> str:
        unanswered = f"\nHTTP requests without a good answer: {dict(self.http.failures())}" if self.http else ""
        return self.owners.story(self.address, self.since_ns) + unanswered


@dataclass(frozen=True, slots=True)
class Lab:
    cluster: Cluster
    workers: tuple[str, str, str]
    client: Client
    observer: Client
    """Asks ARP; the client's neighbour table learns nothing from it."""
    owners: OwnerWatch

    @contextmanager
    def observed(
        self,
        vip: Vip,
        *,
        http_port: int | None = 80,
        address: Address | None = None,
        ping_interval_ms: float = prober.PING_INTERVAL_MS,
    ) -> Iterator[Seen]:
        """Pings, asks HTTP and asks who has the address, until the block ends."""
        target = address or vip.address
        assert self.client.ping(target, count=2, timeout_s=2), f"{target} does not answer before the test begins"
        web_prober = prober.http(self.client, target, http_port) if http_port else nullcontext()
        with (
            web_prober as web,
            prober.ping(self.client, target, ping_interval_ms) as ping,
            prober.who_has(self.observer, target) as who_has,
        ):
            seen = Seen(target, time.monotonic_ns(), self.owners)
            yield seen
            seen.ping, seen.who_has = ping.stop(), who_has.stop()
            seen.http = web.stop() if web else None

    @contextmanager
    def cut(self, *nodes: str) -> Iterator[None]:
        """Off the segment for the time of the block."""
        with self._undone(self.cluster.cut, self.cluster.heal, nodes):
            yield

    @contextmanager
    def carrier_down(self, *nodes: str) -> Iterator[None]:
        with self._undone(self.cluster.carrier_down, self.cluster.carrier_up, nodes):
            yield

    @contextmanager
    def paused(self, *nodes: str) -> Iterator[None]:
        with self._undone(self.cluster.pause, self.cluster.unpause, nodes):
            yield

    @contextmanager
    def api_server_stopped(self) -> Iterator[None]:
        """At the end kube-proxy is started anew: a node's Services, the API's own among them, stay away for minutes
        while kube-proxy backs off, and so long the agent there could not hear of anything."""
        with self._undone(lambda _: self.cluster.api_server_stop(), lambda _: self.cluster.api_server_start(), ("",)):
            yield
        self.cluster.kubectl("delete", "pods", "-n", "kube-system", "-l", "k8s-app=kube-proxy")
        wait_until("every node reaches the API", lambda: all(map(self._reaches_api, self.workers)), SETTLE_S)

    def _reaches_api(self, node: str) -> bool:
        service = self.cluster.kubectl(
            "get", "service", "kubernetes", "-n", "default", "-o", "jsonpath={.spec.clusterIP}"
        )
        connect = ["bash", "-c", f"exec 3<>/dev/tcp/{service}/443"]
        return (
            self.cluster.host_run([*self.cluster.node_prefix(node), "timeout", "2", *connect], check=False).returncode
            == 0
        )

    @contextmanager
    def _undone(self, do: Callable[[str], None], undo: Callable[[str], None], names: Iterable[str]) -> Iterator[None]:
        done: list[str] = []
        try:
            for name in names:
                done.append(name)
                do(name)
            yield
        finally:
            for name in done:
                undo(name)

    def settle(self, vip: Vip, node: str, *, http_port: int | None = 80, timeout_s: float = SETTLE_S) -> None:
        """Until this node alone has every address, and the client reaches it."""
        for address in vip.addresses:
            self.owners.wait_for(address, [node], timeout_s)
            self.answering(address, http_port=http_port, timeout_s=timeout_s)

    def answering(self, address: Address, *, http_port: int | None = 80, timeout_s: float = SETTLE_S) -> None:
        """Until the client gets an answer: by ping, and by HTTP where a port is given."""
        wait_until(f"{address} answers ping", lambda: self.client.ping(address), timeout_s)
        if http_port:
            wait_until(f"{address} answers HTTP", lambda: self.http_answer(address, http_port), timeout_s)

    def http_answer(self, address: Address, port: int = 80) -> str:
        """The body of one good answer, "" for none."""
        status, body = prober.fetch(self.client, address, port)
        return body if status == 200 else ""

    def stays_with(self, vip: Vip, node: str, seconds: float) -> None:
        """Watches for a while that nothing moves: for what must *not* happen there is no event to wait for."""
        since_ns = time.monotonic_ns()
        time.sleep(seconds)
        for address in vip.addresses:
            spans = list(self.owners.spans(address, since_ns))
            assert all(span.owners == {node} for span in spans), self.owners.story(address, since_ns)


def namespace_of(node: Node) -> Path:
    return Path(f"/proc/{node.pid}/ns/net")
