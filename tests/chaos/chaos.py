"""One run: steps from a seed until the time is over, each judged when the segment is quiet again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from tests.chaos.checker import Checker, Times
from tests.chaos.client import Client
from tests.chaos.faults import Fault, Step, Timing, draw, first_priorities, promises
from tests.chaos.story import Story
from tests.chaos.world import EXTRA, VIP, VIP6, World, namespace_of, settle_time
from tests.e2e.support.owners import OwnerWatch
from tests.netns.lan import Lan, wait_for

NAMES = ("one", "two", "three", "four", "five")
QUIET_LIMIT_S = 90.0
"""From the end of a fault to one owner, the best: a start, an election, and a machine that does other things."""
LOOK_EACH_NS = 50_000_000
ANSWER_LIMIT_S = 3.0
"""A loser may have told the switches about itself just before it yielded; the winner says it again within 1 s."""
CALM_S = 0.4
"""Nothing may change any more for so long."""


@dataclass(slots=True)
class Result:
    seed: int
    steps: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    kept: Path | None = None

    def __str__(self) -> str:
        outcome = f"{len(self.violations)} violations, kept in {self.kept}" if self.violations else "no violation"
        return f"seed {self.seed}: {sum(self.steps.values())} steps, {outcome}"


def run(
    seed: int,
    seconds: float,
    hosts: int,
    timing: Timing,
    folder: Path,
    keep_in: Path,
    *,
    faults: Sequence[Fault] = tuple(Fault),
    tell: Callable[[str], None] = print,
) -> Result:
    """Ends at the first step that broke a promise: what follows it would be judged from an unknown state."""
    names, story, result = NAMES[:hosts], Story(tell), Result(seed)
    story.add(f"seed={seed} nodes={hosts} {timing}")
    with Lan(folder) as lan:
        world = World(lan, names, timing.interval_ms)
        namespace = namespace_of(world.client)
        with OwnerWatch(world.namespaces) as watch, Client(namespace, VIP) as client:
            checker = Checker(watch, client, (VIP, VIP6), timing.busy_ms)
            world.start()
            _wait_for_quiet(world, checker, max(first_priorities(names).items(), key=lambda item: item[1])[0], False)
            until = time.monotonic() + seconds
            for step in takewhile(lambda _step: time.monotonic() < until, draw(seed, names, timing, faults)):
                story.add(str(step))
                result.violations = _one_step(world, checker, step, timing, story)
                result.steps[step.fault.name] += 1
                if result.violations:
                    break
        if result.violations:
            result.kept = keep_in
            logs = [run.log_path for run in world.runs.values()]
            story.keep(keep_in, [*world.ask_for_journals(), *logs, lan.folder / "vip.yaml"])
    return result


def _one_step(world: World, checker: Checker, step: Step, timing: Timing, story: Story) -> list[str]:
    promise = promises(timing)[step.fault]
    begun_ns = time.monotonic_ns()
    world.begin(step)
    settle_time(begun_ns + int(step.seconds * 1e9))
    ended_ns = time.monotonic_ns()
    world.end(step)
    found: list[str] = []
    try:
        _wait_for_quiet(world, checker, step.best, step.extra_address)
    except AssertionError as error:
        found.append(str(error))
    times = Times(begun_ns, ended_ns, time.monotonic_ns())
    found += checker.violations(step, promise, times, world.sides(step))
    for line in found:
        story.add(f"VIOLATION {line}  (promised: {promise.why})")
    if found:
        story.add(checker.story(times))
    return found


def _wait_for_quiet(world: World, checker: Checker, best: str, extra: bool) -> None:
    """One owner, the best one; no address anywhere else; all the others are Backup; the client is answered."""
    wanted = {VIP: {best}, VIP6: {best}, EXTRA: {best} if extra else set()}

    def quiet() -> bool:
        owned = all(checker.watch.owners(address) == owners for address, owners in wanted.items())
        return owned and all(world.state(name) == ("active" if name == best else "backup") for name in world.runs)

    deadline = time.monotonic() + QUIET_LIMIT_S
    calm_since_ns = time.monotonic_ns()
    while time.monotonic_ns() - calm_since_ns < CALM_S * 1e9:
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {QUIET_LIMIT_S:.0f} s: {best} is the only owner, the others are Backup; {_now(world, checker)}"
            )
        settle_time(time.monotonic_ns() + LOOK_EACH_NS)
        moved = [change for change in checker.watch.changes(calm_since_ns) if str(change.address) in wanted]
        if moved or not quiet():
            calm_since_ns = time.monotonic_ns()
    now_ns = time.monotonic_ns()
    wait_for(f"{best} answers the client", lambda: checker.client.was_answered_since(now_ns), ANSWER_LIMIT_S)


def _now(world: World, checker: Checker) -> str:
    owners = {address: sorted(checker.watch.owners(address)) for address in (VIP, VIP6, EXTRA)}
    return f"{owners}, { ({name: world.state(name) for name in world.runs}) }"
