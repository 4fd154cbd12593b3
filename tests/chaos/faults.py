"""What can befall a host, what is promised for it, and the drawing of steps from a seed. Pure.

Each promise is a number with its reason: how long the address may have several owners and none, in the kernels of the
hosts that are judged, and for how long the client may get no answer. None: nothing is promised there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Fault(Enum):
    KILL_ENGINE = "kill -9 the engine"
    KILL_GUARD = "kill -9 the guard"
    KILL_RUN = "kill -9 the run, start it again"
    KILL_ALL = "kill -9 all"
    LEFTOVER = "kill -9 all, a long lease is left, start it again"
    BLINK = "freeze all for less than anybody's patience"
    FREEZE_ENGINE = "freeze the engine"
    FREEZE_ALL = "freeze all"
    UNPLUG = "cable out"
    CUT = "off the switch, carrier up"
    PARTITION = "two switches"
    BLOCK_VRRP = "a firewall on every host drops VRRP"
    BLOCK_VRRP_IN = "a firewall on one host drops VRRP that comes in"
    DEAF = "nothing comes in"
    MUTE = "nothing goes out"
    LOSS = "packets get lost"
    LOAD = "all processors busy"
    RESTART = "stop and start again"
    STOP = "planned stop"
    SERVER_DIES = "what is served dies, and comes back"
    EDIT_PRIORITY = "edit: another priority"
    EDIT_ADDRESSES = "edit: an address more, or less"


class Judged(Enum):
    """Whose kernels count while the fault lasts."""

    ALL = "all hosts"
    OTHERS = "all but the one that is hit"
    SIDES = "each side for itself"
    OWNERS_ALL_COPIES_OTHERS = "no owner: among all; several: among the others"


@dataclass(frozen=True, slots=True)
class Promise:
    several_ms: float
    none_ms: float
    client_ms: float | None
    why: str
    judged: Judged = Judged.ALL
    healing_ms: float = 0.0
    """Several owners, after the fault has ended."""
    swept: bool = False
    """The host that is hit is without the address at some moment."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Of the routers, in milliseconds."""

    interval_ms: int
    real_time: bool
    busy_ms: float = 300.0
    """What a busy machine may add to anything: the tests share it with others."""

    @property
    def down_ms(self) -> float:
        """Active_Down_Interval: three intervals and a skew of at most one (RFC 9568 section 6.1)."""
        return 4.0 * self.interval_ms

    @property
    def lease_ms(self) -> float:
        """An address whose renewal has stopped is gone by then: whole seconds, and what the kernel takes to look."""
        return 1000.0 * max(1 if self.real_time else 2, -(-3 * self.interval_ms // 1000)) + 250

    @property
    def settle_ms(self) -> float:
        """Two who hear each other again: one has yielded. Promised: 1 s."""
        return 1000.0

    @property
    def start_ms(self) -> float:
        """A run from its start to the sweep of what it finds: Python, files, prepare; on a busy machine."""
        return 30_000.0


def promises(timing: Timing) -> dict[Fault, Promise]:
    busy, down, settle = timing.busy_ms, timing.down_ms + timing.busy_ms, timing.settle_ms + timing.busy_ms
    several_by_lease = timing.lease_ms + busy
    return {
        Fault.KILL_ENGINE: Promise(busy, busy, 2 * busy, "the guard forks another at once, which resumes"),
        Fault.KILL_GUARD: Promise(busy, down, down + busy, "the engine leaves in order; the run starts another guard"),
        Fault.KILL_RUN: Promise(busy, down, down + busy, "guard and engine leave in order"),
        Fault.KILL_ALL: Promise(
            several_by_lease, down, down + busy, "nobody renews: the kernel takes the address away"
        ),
        Fault.LEFTOVER: Promise(
            timing.start_ms, down, None, "a run sweeps what one before it has left, whatever its lease", swept=True
        ),
        Fault.BLINK: Promise(busy, busy, None, "shorter than three intervals: nobody takes over"),
        Fault.FREEZE_ENGINE: Promise(several_by_lease, down, down + busy, "a frozen engine does not renew"),
        Fault.FREEZE_ALL: Promise(several_by_lease, down, down + busy, "a frozen engine does not renew"),
        Fault.UNPLUG: Promise(busy, down, down + busy, "without carrier the router is in Initialize, addresses off"),
        Fault.CUT: Promise(busy, down, down + busy, "the others take over from silence", Judged.OTHERS, settle),
        Fault.PARTITION: Promise(busy, down, down + busy, "each side elects one", Judged.SIDES, settle),
        Fault.BLOCK_VRRP: Promise(busy, busy, 2 * busy, "the witness: the Active answers by unicast"),
        Fault.BLOCK_VRRP_IN: Promise(busy, busy, 2 * busy, "the witness: the Active answers by unicast"),
        Fault.DEAF: Promise(
            busy,
            down,
            None,
            "the deaf host may believe that it is alone, and the others hear it: somebody has the address",
            Judged.OWNERS_ALL_COPIES_OTHERS,
            settle,
        ),
        Fault.MUTE: Promise(
            busy, down, down + busy, "nobody hears the host, which may keep its copy", Judged.OTHERS, settle
        ),
        Fault.LOSS: Promise(
            settle,
            down,
            None,
            "adverts and questions to the Active both lost: a takeover that the next advert ends",
            healing_ms=settle,
        ),
        Fault.LOAD: Promise(
            busy if timing.real_time else settle, busy, 2 * busy, "engines have real time: nothing moves"
        ),
        Fault.RESTART: Promise(busy, busy, 2 * busy, "a handover; back, it preempts"),
        Fault.STOP: Promise(busy, busy, 2 * busy, "a handover"),
        Fault.SERVER_DIES: Promise(
            busy, busy, 2 * busy, "its health check fails: a handover; healthy again, it preempts", swept=True
        ),
        Fault.EDIT_PRIORITY: Promise(busy, busy, 2 * busy, "the better one preempts, its advert comes first"),
        Fault.EDIT_ADDRESSES: Promise(busy, busy, 2 * busy, "the other addresses stay"),
    }


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    fault: Fault
    host: str
    seconds: float
    percent: int
    priorities: dict[str, int] = field(default_factory=dict)
    """Of all hosts, from this step on."""
    extra_address: bool = False

    @property
    def best(self) -> str:
        """Who has the address in the end."""
        return max(self.priorities, key=lambda host: self.priorities[host])

    def others(self) -> list[str]:
        return [host for host in self.priorities if host != self.host]

    def __str__(self) -> str:
        words = [f"{self.number}: {self.fault.value}", f"host={self.host}", f"seconds={self.seconds}"]
        if self.fault is Fault.LOSS:
            words.append(f"percent={self.percent}")
        if self.fault is Fault.EDIT_PRIORITY:
            words.append(f"priorities={self.priorities}")
        return " ".join(words)


def first_priorities(names: Sequence[str]) -> dict[str, int]:
    return {name: 200 - 10 * number for number, name in enumerate(names)}


CHECK: dict[str, Any] = {"port": 8080, "interval": "200ms", "timeout": "1s", "rise": 2, "fall": 3}
"""Of what is served. A refused connection fails at once; the timeout is for machines that are busy."""
CHECK_FAILS_S = 3 * 0.2
ENGINE_DEATHS = 4
"""Of one guard, in a row: at the sixth within minutes it waits before it starts another, and others take over."""
SERVER_DEATHS = 2
"""Of one guard: with the third within minutes its host is held back (docs/health.md), and the best one is not Active."""
NEW_GUARD = {Fault.KILL_GUARD, Fault.KILL_RUN, Fault.KILL_ALL, Fault.LEFTOVER, Fault.RESTART, Fault.STOP}


def draw(seed: int, names: Sequence[str], timing: Timing, faults: Sequence[Fault] = tuple(Fault)) -> Iterator[Step]:
    """Without end; the same for the same seed and `faults`. Half of the faults hit the owner."""
    chance = random.Random(seed)
    priorities, extra, number = first_priorities(names), False, 0
    deaths, ailing = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    while True:
        fault = chance.choice(faults)
        best = max(priorities, key=lambda name: priorities[name])
        host = best if chance.random() < 0.5 else chance.choice(list(names))
        share, percent = chance.random(), chance.randint(5, 30)
        swap = chance.choice([name for name in names if name != best])
        if fault is Fault.KILL_ENGINE and deaths[host] >= ENGINE_DEATHS:
            fault = Fault.RESTART
        if fault is Fault.SERVER_DIES and ailing[host] >= SERVER_DEATHS:
            fault = Fault.RESTART
        if fault is Fault.EDIT_PRIORITY:
            priorities = priorities | {best: priorities[swap], swap: priorities[best]}
        extra ^= fault is Fault.EDIT_ADDRESSES
        deaths[host] = 0 if fault in NEW_GUARD else deaths[host] + (fault is Fault.KILL_ENGINE)
        ailing[host] = 0 if fault in NEW_GUARD else ailing[host] + (fault is Fault.SERVER_DIES)
        number += 1
        yield Step(number, fault, host, _seconds(fault, share, host == best, timing), percent, dict(priorities), extra)


def _seconds(fault: Fault, share: float, hits_best: bool, timing: Timing) -> float:
    """How long it lasts; faults that are over at once take a little, to see what comes of them."""
    lease_s = timing.lease_ms / 1000
    match fault:
        case Fault.BLINK:
            longest = 1.2 if hits_best else 2.9  # of the best one, the last advert may be an interval old
            return round(share * longest * timing.interval_ms / 1000, 3)
        case Fault.KILL_ALL | Fault.FREEZE_ENGINE | Fault.FREEZE_ALL:
            return round(lease_s + timing.busy_ms / 1000 + 0.3 + share, 3)  # longer than the lease: it must be gone
        case Fault.SERVER_DIES:
            return round(CHECK_FAILS_S + 3 * timing.busy_ms / 1000 + share, 3)
        case Fault.LOAD:
            return round(0.5 + share, 3)
        case Fault.KILL_ENGINE | Fault.KILL_RUN | Fault.LEFTOVER | Fault.RESTART:
            return 0.2
        case _:
            return round(timing.down_ms / 1000 + 0.5 + share, 3)
