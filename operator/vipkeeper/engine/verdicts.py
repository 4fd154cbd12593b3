"""What the agent says about this node's health, and what that means for one virtual router. Pure.

Verdicts on nginx count for every document with an nginx section, those on a section of it and on checks for the document
that has them. A verdict that nobody has given yet is no fault: what runs goes on. But a router that starts, and was not Active before,
holds back (NotCheckedYet, so at priority 1) until each kind of its checks has a verdict: a node that boots with a dead
server must not take the address first. One with an nginx section is warming until it is known that nginx serves it: it
takes the address from no living Active, which would be a gap for clients. Both for a limited time: who should give the
verdict may be away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import HealthSection, RenderedVirtualIP
from vipkeeper.vrrp.units import NS_PER_S, ms_to_ns

FIRST_VERDICT_NS = 10 * NS_PER_S
"""Beyond the time that the checks need to fail: for the agent to start."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """On what a node serves for one document. `vrrp.events.HealthChanged` says what follows."""

    ailments: frozenset[str]
    warming: bool = False


Known = dict[tuple[str, str], bool]
"""Healthy or not, by name of the document ("" for nginx) and HealthSource."""


def sources_of(document: RenderedVirtualIP) -> frozenset[HealthSource]:
    """The kinds of checks that a document has."""
    health = document.health or HealthSection()
    http = {HealthSource.HTTP_CHECK} if health.http else set()
    pods = {HealthSource.PODS} if health.pods else set()
    return frozenset(http | pods | ({HealthSource.TCP_CHECK} if health.tcp else set()))


def _kept_with(document: RenderedVirtualIP) -> frozenset[HealthSource]:
    """What may have been said about a document like this."""
    return sources_of(document) | ({HealthSource.SECTION} if document.nginx is not None else set())


def without(known: Mapping[tuple[str, str], bool], name: str, but: frozenset[HealthSource] = frozenset()) -> Known:
    """`known`, and nothing of document `name` but what is about `but`."""
    return {(owner, source): healthy for (owner, source), healthy in known.items() if owner != name or source in but}


class Verdicts:
    def __init__(self, known: Mapping[tuple[str, str], bool], *, nginx: bool = True) -> None:
        """`nginx`: whether there is one here, to serve the sections."""
        self._nginx = nginx
        self._known: Known = dict(known)
        self._limits_ns: dict[str, int] = {}

    def take(self, health: Health) -> bool:
        """True: it is news."""
        key = (health.name, health.source.value)
        news = self._known.get(key) is not health.healthy
        self._known[key] = health.healthy
        return news

    def run(self, document: RenderedVirtualIP) -> None:
        """`document` runs now: what was said about checks that it does not have any more is forgotten."""
        self._known = without(self._known, document.name, _kept_with(document))

    def forget(self, name: str) -> None:
        self._known = without(self._known, name)
        self._limits_ns.pop(name, None)

    def expect(self, document: RenderedVirtualIP, now_ns: int) -> None:
        """Its router starts: hold it back while it has a check without a verdict, or is not known to be served."""
        if self._unknown(document) or self._lacks_section(document):
            self._limits_ns[document.name] = now_ns + FIRST_VERDICT_NS + time_to_fail_ns(document)

    def time_passed(self, now_ns: int) -> list[str]:
        """Names of those that were held back for long enough."""
        names = [name for name, limit_ns in self._limits_ns.items() if limit_ns <= now_ns]
        for name in names:
            del self._limits_ns[name]
        return names

    def deadline_ns(self) -> int | None:
        return min(self._limits_ns.values(), default=None)

    def ailments(self, document: RenderedVirtualIP, nginx_gone: bool | None, refused: bool = False) -> frozenset[str]:
        """`nginx_gone`: None when there is no nginx here to be watched. `refused`: nobody listens where it checks."""
        found = {source.value for source in _kept_with(document) if self._says(document.name, source) is False}
        if refused:
            found.add(HealthSource.REFUSED.value)
        if document.nginx is not None and nginx_gone is not None:
            found |= {source for (owner, source), healthy in self._known.items() if not owner and not healthy}
            found |= {HealthSource.CONNECTION.value} if nginx_gone else set()
        if document.name in self._limits_ns:
            if self._unknown(document):
                found.add(HealthSource.UNCHECKED.value)
            elif not self._lacks_section(document):
                del self._limits_ns[document.name]
        return frozenset(found)

    def is_warming(self, document: RenderedVirtualIP) -> bool:
        """Whether its router has just started, and nobody has said yet that nginx serves its section."""
        return document.name in self._limits_ns and self._lacks_section(document)

    def _says(self, name: str, source: HealthSource) -> bool | None:
        return self._known.get((name, source.value))

    def _lacks_section(self, document: RenderedVirtualIP) -> bool:
        has_section = self._nginx and document.nginx is not None
        return has_section and self._says(document.name, HealthSource.SECTION) is None

    def _unknown(self, document: RenderedVirtualIP) -> bool:
        return any(self._says(document.name, source) is None for source in sources_of(document))


def time_to_fail_ns(document: RenderedVirtualIP) -> int:
    """The longest time that checks of a dead server take to a verdict."""
    health = document.health or HealthSection()
    times_ms = [check.fall * max(check.interval_ms, check.timeout_ms) for check in (*health.http, *health.tcp)]
    return ms_to_ns(max(times_ms, default=0))
