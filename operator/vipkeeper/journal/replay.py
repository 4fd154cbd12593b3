"""A journal through the pure core again: does it still do what it did then?

Each block is begun with the state that was recorded, and where no event is missing between two blocks the core's own
state is compared with the recorded one as well. The first difference of each router is told; what follows from it
would only confuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vipkeeper.journal.file import JournalFile, ReadBlock, ReadRecord, ReadRouter
from vipkeeper.vrrp.actions import Action
from vipkeeper.vrrp.events import TimerFired
from vipkeeper.vrrp.router import VirtualRouter

FULL_RUN = 64
"""Events of a run that are replayed one by one: of a longer one so many, evenly, and of timers the first and last."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a router does something else now."""

    router: str
    line: int
    at_ns: int
    what: str
    """Event, or "state at the start of a block"."""
    recorded: str
    replayed: str


def replay(journal: JournalFile) -> list[Difference]:
    """The first difference of each router, by time. Empty: the core does what it did."""
    found = [difference for router in journal.routers if (difference := _first_difference(router)) is not None]
    return sorted(found, key=lambda difference: difference.at_ns)


def _first_difference(router: ReadRouter) -> Difference | None:
    core: VirtualRouter | None = None
    number = -1
    for block in router.blocks:
        if core is not None and block.number == number + 1 and not block.missed:
            odd = _other_members(core, block)
            if odd:
                theirs = " ".join(f"{name}={block.state[name]}" for name in odd)
                ours = " ".join(f"{name}={getattr(core, name)}" for name in odd)
                return Difference(
                    router.label, block.line, block.began_ns, "state after the events before", theirs, ours
                )
        core, number = _core_of(block), block.number
        for record in block.records:
            recorded, replayed = _replay_record(core, record)
            if recorded != replayed:
                return Difference(router.label, record.line, record.last_ns, repr(record.event), recorded, replayed)
    return None


def _core_of(block: ReadBlock) -> VirtualRouter:
    core = VirtualRouter(block.state["config"], block.state["local_address"])
    for name, value in block.state.items():
        setattr(core, name, value)
    return core


def _other_members(core: VirtualRouter, block: ReadBlock) -> list[str]:
    return [name for name, value in block.state.items() if getattr(core, name) != value]


def _replay_record(core: VirtualRouter, record: ReadRecord) -> tuple[str, str]:
    """What was recorded, and what the core does now, as texts."""
    recorded = _outcome(record.actions, record.deadline_ns)
    for now_ns in _times(core, record):
        try:
            actions: list[Action] | None = core.handle(record.event, now_ns)
        except Exception as error:  # a core that fails is what a journal may be about
            return recorded, recorded if record.actions is None else f"raises {type(error).__name__}: {error}"
        if actions != record.actions:
            return recorded, _outcome(actions, core.deadline_ns)
    return recorded, _outcome(record.actions, core.deadline_ns)


def _times(core: VirtualRouter, record: ReadRecord) -> Iterator[int]:
    """When to hand the events of a run in: the first and the last are known, those between are made up."""
    yield record.first_ns
    if record.times < 2:
        return
    if isinstance(record.event, TimerFired):
        yield from _timer_times(core, record)
    else:
        steps = min(record.times, FULL_RUN) - 1
        span_ns = record.last_ns - record.first_ns
        yield from (record.first_ns + span_ns * step // steps for step in range(1, steps))
    yield record.last_ns


def _timer_times(core: VirtualRouter, record: ReadRecord) -> Iterator[int]:
    """The deadlines themselves; the middle of a long run is slept through."""
    slept = max(0, record.times - 2 - FULL_RUN)
    for number in range(record.times - 2 - slept):
        if slept and number == FULL_RUN // 2:
            _sleep_through(core, slept * record.span_ns)
        yield -1 if core.deadline_ns is None else core.deadline_ns


def _sleep_through(core: VirtualRouter, span_ns: int) -> None:
    """An Active that has sent its adverts on time for so long is where it was, later."""
    if core.deadline_ns is not None:
        core.deadline_ns += span_ns
    if core.last_advert_ns is not None:
        core.last_advert_ns += span_ns


def _outcome(actions: list[Action] | None, deadline_ns: int | None) -> str:
    if actions is None:
        return "raises an exception"
    done = "; ".join(map(str, actions)) or "nothing"
    return f"{done}; {'no timer' if deadline_ns is None else f'timer at {deadline_ns}'}"


def events(journal: JournalFile) -> int:
    """How many there are, runs counted in full."""
    return sum(record.times for router in journal.routers for block in router.blocks for record in block.records)
