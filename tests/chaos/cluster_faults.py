"""What can befall the nodes of the kind cluster, what is promised for it, and the drawing of steps. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from tests.chaos.faults import Judged, Promise
from tests.e2e.support.limits import BUSY_MS, HANDOVER_MS, PREEMPTION_MS, TAKEOVER_MS, TWO_OWNERS_AFTER_KILL_MS


class ClusterFault(Enum):
    CUT = "node off the switch, carrier up"
    CARRIER = "node without carrier"
    PAUSE = "node frozen"
    PARTITION = "nothing passes between the node and the others"
    BLOCK_VRRP = "VRRP is dropped between all nodes"
    DELETE_POD = "speaker pod deleted"
    KILL_ENGINE = "kill -9 the engine"
    KILL_SPEAKER = "kill -9 the speaker container"
    KILL_NGINX = "kill -9 nginx"
    API_AWAY = "api server stopped"
    EDIT = "edit: another node is the best"


SETTLE_MS = 1000.0 + BUSY_MS
MOST_DEATHS = 2
"""Of one container on one node in a run: the kubelet waits longer and longer before it starts another."""

PROMISES = {
    ClusterFault.CUT: Promise(
        PREEMPTION_MS, TAKEOVER_MS, TAKEOVER_MS, "the others take over from silence", Judged.OTHERS, SETTLE_MS
    ),
    ClusterFault.CARRIER: Promise(PREEMPTION_MS, TAKEOVER_MS, TAKEOVER_MS, "without carrier the addresses are off"),
    ClusterFault.PAUSE: Promise(
        TWO_OWNERS_AFTER_KILL_MS, TAKEOVER_MS, TAKEOVER_MS, "a frozen engine does not renew its addresses"
    ),
    ClusterFault.PARTITION: Promise(
        PREEMPTION_MS, TAKEOVER_MS, TAKEOVER_MS, "each side elects one", Judged.OTHERS, SETTLE_MS
    ),
    ClusterFault.BLOCK_VRRP: Promise(PREEMPTION_MS, HANDOVER_MS, HANDOVER_MS + BUSY_MS, "the witness"),
    ClusterFault.DELETE_POD: Promise(PREEMPTION_MS, HANDOVER_MS, HANDOVER_MS + BUSY_MS, "a handover"),
    ClusterFault.KILL_ENGINE: Promise(PREEMPTION_MS, HANDOVER_MS, HANDOVER_MS + BUSY_MS, "another one resumes"),
    ClusterFault.KILL_SPEAKER: Promise(
        TWO_OWNERS_AFTER_KILL_MS, TAKEOVER_MS, TAKEOVER_MS, "nobody renews: the kernel takes the address away"
    ),
    ClusterFault.KILL_NGINX: Promise(PREEMPTION_MS, HANDOVER_MS, HANDOVER_MS + BUSY_MS, "a handover", swept=True),
    ClusterFault.API_AWAY: Promise(0, 0, HANDOVER_MS + BUSY_MS, "nothing moves"),
    ClusterFault.EDIT: Promise(PREEMPTION_MS, HANDOVER_MS, HANDOVER_MS + BUSY_MS, "the better one has it first"),
}


@dataclass(frozen=True, slots=True)
class ClusterStep:
    number: int
    fault: ClusterFault
    host: str
    seconds: float
    priorities: dict[str, int]
    """Of all nodes, from this step on."""

    @property
    def best(self) -> str:
        return max(self.priorities, key=lambda node: self.priorities[node])

    def others(self) -> list[str]:
        return [node for node in self.priorities if node != self.host]

    def __str__(self) -> str:
        return f"{self.number}: {self.fault.value} host={self.host} seconds={self.seconds} best={self.best}"


def draw(seed: int, nodes: Sequence[str]) -> Iterator[ClusterStep]:
    """Without end. Every fault once before any comes again, in an order from the seed; two of three hit the owner."""
    chance = random.Random(seed)
    priorities = {node: 200 - 10 * rank for rank, node in enumerate(nodes)}
    deaths: Counter[tuple[ClusterFault, str]] = Counter()
    number, left = 0, list[ClusterFault]()
    while True:
        left = left or chance.sample(list(ClusterFault), len(ClusterFault))
        fault = left.pop()
        best = max(priorities, key=lambda node: priorities[node])
        host = best if chance.random() < 2 / 3 else chance.choice(list(nodes))
        seconds = round(2.0 + chance.random(), 3)
        if fault in (ClusterFault.KILL_SPEAKER, ClusterFault.KILL_NGINX):
            deaths[fault, host] += 1
            if deaths[fault, host] > MOST_DEATHS:
                continue
        if fault is ClusterFault.EDIT:
            other = chance.choice([node for node in nodes if node != best])
            priorities = priorities | {best: priorities[other], other: priorities[best]}
        number += 1
        yield ClusterStep(number, fault, host, seconds, dict(priorities))
