"""A pair of ours and a stranger's, several virtual routers at once, and a watch over the kernels of both.

The law that it asserts: at each step one of the two owns each address, and the moment without an owner, or with two,
is no longer than the protocol makes it.

Ours is on host "one", the neighbour on "other". In some of the virtual routers the neighbour's priority is above ours,
in others below, so each step shows both roles.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tests.e2e.support.owners import OwnerWatch
from tests.netns.lan import Host, Lan
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import document
from vipkeeper.ipc.authentication import PasswordAuthentication
from vipkeeper.ipc.rendered import RenderedVirtualIP

OUR_PRIORITY = 150
ABOVE, BELOW = 200, 100
MARGIN_MS = 1000
"""For a busy machine. In version 2, silence and priority 0 still differ by more."""


class Neighbour(Protocol):
    """Runs from its construction on."""

    def stop(self) -> None: ...


Start = Callable[[Host, Sequence[VirtualRouter]], Neighbour]


@dataclass(frozen=True, slots=True)
class Kind:
    version: int
    interval_cs: int
    prefix: str

    def address(self, number: int) -> str:
        return f"{self.prefix}{number}"


IPV4 = Kind(3, 25, "192.0.2.")
IPV6 = Kind(3, 25, "2001:db8::")
VERSION_2 = Kind(2, 100, "192.0.2.")


@dataclass(frozen=True, slots=True)
class Contest:
    """One virtual router, as both sides have it."""

    theirs: VirtualRouter
    our_addresses: tuple[str, ...]
    """The first one, which is watched, is theirs as well."""
    our_checksum: str = "PseudoHeader"
    password: str = ""
    """Version 2, authentication type 1."""
    virtual_mac: bool = False
    """Ours; FRR's always is, keepalived's where it is told so."""

    @property
    def address(self) -> str:
        return self.theirs.addresses[0]

    @property
    def name(self) -> str:
        return f"vrid-{self.theirs.vrid}"

    @property
    def winner(self) -> str:
        """Of two that speak up at the same time."""
        return "other" if self.theirs.priority > OUR_PRIORITY else "one"

    def winner_over(self, holder: str) -> str:
        """When the one that is not the holder starts."""
        return self.winner if self.theirs.preempt else holder

    def ours(self) -> RenderedVirtualIP:
        rendered = document(
            {"one": OUR_PRIORITY},
            *self.our_addresses,
            name=self.name,
            vrid=self.theirs.vrid,
            interval_cs=self.theirs.interval_cs,
            preempt=self.theirs.preempt,
        )
        rendered = replace(
            rendered,
            vrrp_version=self.theirs.version,
            checksum=self.our_checksum,
            virtual_mac=self.virtual_mac,
        )
        return replace(rendered, authentication=PasswordAuthentication(self.name)) if self.password else rendered

    def skew_ms(self) -> float:
        """Of the lower of the two, which is the longer one."""
        lower = min(self.theirs.priority, OUR_PRIORITY)
        return (256 - lower) * self.theirs.interval_cs * 10 / 256

    def down_ms(self) -> float:
        return 3 * self.theirs.interval_cs * 10 + self.skew_ms()


def contest(
    vrid: int, kind: Kind, priority: int, *, preempt: bool = True, other_list: bool = False, checksum: str = ""
) -> Contest:
    """`priority` is the neighbour's. `other_list`: each side has one more address, which the other side has not."""
    shared, theirs, ours = (kind.address(number + vrid) for number in (100, 140, 180))
    router = VirtualRouter(
        addresses=(shared, theirs) if other_list else (shared,),
        priority=priority,
        vrid=vrid,
        interval_cs=kind.interval_cs,
        version=kind.version,
        preempt=preempt,
    )
    return Contest(router, (shared, ours) if other_list else (shared,), checksum or "PseudoHeader")


class Ownership:
    """Asserts who owns what after each step, and how it went."""

    def __init__(self, watch: OwnerWatch, contests: Sequence[Contest]) -> None:
        self._watch = watch
        self._contests = contests

    def step(
        self,
        what: str,
        act: Callable[[], object],
        owner: Callable[[Contest], str],
        *,
        none_ms: Callable[[Contest], float] = lambda _contest: 0,
        away: Iterable[str] = (),
    ) -> None:
        """Do `act`; then each address is on `owner`, was with nobody for `none_ms` (and a margin) at most, and with both
        not longer than until the next advert. `away` are cut off: what they hold, nobody reaches."""
        since_ns = time.monotonic_ns()
        act()
        for contest in self._contests:
            self._wait(what, contest, {owner(contest)}, set(away), since_ns)
        for contest in self._contests:
            self._judge(what, contest, none_ms(contest), set(away), since_ns)

    def _wait(self, what: str, contest: Contest, wanted: set[str], away: set[str], since_ns: int) -> None:
        deadline = time.monotonic() + 20
        while self._watch.owners(contest.address) - away != wanted:
            assert time.monotonic() < deadline, f"{what}: not on {wanted}\n{self._story(contest, since_ns)}"
            time.sleep(0.01)

    def _judge(self, what: str, contest: Contest, none_ms: float, away: set[str], since_ns: int) -> None:
        spans = list(self._watch.spans(contest.address, since_ns))
        none = max(((s.end_ns - s.start_ns) / 1e6 for s in spans if not s.owners - away), default=0)
        both = max(((s.end_ns - s.start_ns) / 1e6 for s in spans if len(s.owners - away) > 1), default=0)
        story = self._story(contest, since_ns)
        assert none <= none_ms + MARGIN_MS, f"{what}: {none:.0f} ms without an owner\n{story}"
        assert both <= contest.theirs.interval_cs * 10 + MARGIN_MS, f"{what}: {both:.0f} ms with two owners\n{story}"

    def _story(self, contest: Contest, since_ns: int) -> str:
        return f"{contest.theirs}\n{self._watch.story(contest.address, since_ns)}"


@contextmanager
def ownership(lan: Lan, contests: Sequence[Contest], log: Callable[[], str]) -> Iterator[Ownership]:
    """From now on, of all hosts that there are. `log` is for the message of a failure."""
    namespaces = {host.name: Path("/run/netns") / host.namespace for host in lan.hosts}
    with OwnerWatch(namespaces, only_up=True) as watch:
        try:
            yield Ownership(watch, contests)
        except AssertionError as failed:
            failed.add_note(log())
            raise
