"""Do the servers that `spec.health` checks still listen? One connection held open to each of them that is on this host.

It is the fast half of `http[]` and `tcp[]` checks, and like all of the engine it works with the agent away: a server
that was killed refuses the next connection microseconds later. That is one ailment (ConnectionRefused); the verdicts of
the slow checks are others, and a router is healthy when none is left. This one ends when the server has accepted
connections for as long as `rise` good checks take at least, so that a crash loop does not make the address flap.

Servers on other hosts are for the slow checks alone: a refusal from there may be that of a firewall, and the virtual
addresses themselves are wherever the Active is. Checks of one host and port share one connection.

A server that serves one connection at a time would wait for ours to say something. So when the checks fail soon after
a connection was made, it is let go, and when they are good soon after that, it is not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.open_connection import OpenConnection
from vipkeeper.engine.verdicts import time_to_fail_ns
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import Check, HealthSection, RenderedVirtualIP
from vipkeeper.vrrp.units import NS_PER_S, ms_to_ns

SLOWEST_RETRY_MS = 1000
MAX_CONNECTIONS = 256
"""Descriptors are for routers first. What is beyond has slow checks only."""

NEVER_AGAIN_NS = -(1 << 62)
SOON_NS = 10 * NS_PER_S
"""Beyond twice the time that the checks need to fail."""

Target = tuple[IPAddress, int]


class PortWatch:
    """`on_change` is called when `refused` may answer otherwise than before."""

    def __init__(self, loop: Loop, on_change: Callable[[], None]) -> None:
        self._loop = loop
        self._on_change = on_change
        self._held: dict[Target, OpenConnection] = {}
        self._let_go_ns: dict[Target, int] = {}
        """When the checks of these failed soon after our connection was made, and it was closed for that."""
        self._too_many = False
        self._look_again = loop.timer(lambda _now_ns: on_change())

    def want(self, documents: Iterable[RenderedVirtualIP], here: Container[IPAddress], now_ns: int) -> None:
        """Watch the servers that these documents check, as far as their addresses are `here` or loopback ones."""
        targets = {_target(check) for document in documents for check in checks_of(document)}
        wanted = sorted((item for item in targets if item[0].is_loopback or item[0] in here), key=str)
        self._let_go_ns = {target: at_ns for target, at_ns in self._let_go_ns.items() if target in targets}
        self._say_if_too_many(len(wanted))
        wanted = [item for item in wanted if item not in self._let_go_ns][:MAX_CONNECTIONS]
        for target in self._held.keys() - set(wanted):
            self._held.pop(target).close()
        for target in wanted:
            if target not in self._held:
                self._held[target] = self._connection(target)
                self._held[target].start(now_ns)

    def refused(self, document: RenderedVirtualIP, now_ns: int) -> bool:
        """Whether a server that `document` checks does not listen, or has not done so for long enough again."""
        refusing = [check for check in checks_of(document) if self._refuses(check, now_ns)]  # each may set the timer
        return bool(refusing)

    def checked(self, document: RenderedVirtualIP, verdict: Health, now_ns: int) -> None:
        """What its slow checks have come to. May our own connection be what keeps the server from answering?"""
        soon_ns = 2 * time_to_fail_ns(document) + SOON_NS
        for target in {_target(check) for check in _checks_behind(document, verdict)}:
            if verdict.healthy:
                self._answers_without(target, soon_ns, now_ns)
            elif (connection := self._held.get(target)) is not None and connection.is_younger_than(soon_ns, now_ns):
                self._held.pop(target).close()
                self._let_go_ns[target] = now_ns

    def close(self) -> None:
        for connection in self._held.values():
            connection.close()
        self._held.clear()
        self._look_again.cancel()

    def _answers_without(self, target: Target, soon_ns: int, now_ns: int) -> None:
        """It does again. Soon after our connection was closed: that was the reason, and it is not made again."""
        let_go_ns = self._let_go_ns.get(target)
        if let_go_ns is None:
            return
        if now_ns < let_go_ns + soon_ns:
            warn("no open connection to a server that does not answer beside one", server=_name_of(target))
            self._let_go_ns[target] = NEVER_AGAIN_NS
        elif let_go_ns != NEVER_AGAIN_NS:
            del self._let_go_ns[target]  # the next look around makes another

    def _refuses(self, check: Check, now_ns: int) -> bool:
        connection = self._held.get(_target(check))
        if connection is None or connection.alive is None:
            return False
        if not connection.alive:
            return True
        if connection.back_since_ns is None:
            return False
        trusted_ns = connection.back_since_ns + ms_to_ns((check.rise - 1) * check.interval_ms)
        if now_ns < trusted_ns and (self._look_again.deadline_ns is None or trusted_ns < self._look_again.deadline_ns):
            self._look_again.set(trusted_ns)
        return now_ns < trusted_ns

    def _connection(self, target: Target) -> OpenConnection:
        name = _name_of(target)

        def changed(why: str) -> None:
            if why:
                warn("nobody listens where a check asks", server=name, error=why)
            else:
                log("somebody listens again where a check asks", server=name)
            self._on_change()

        return OpenConnection(self._loop, (str(target[0]), target[1]), changed, SLOWEST_RETRY_MS)

    def _say_if_too_many(self, count: int) -> None:
        if count > MAX_CONNECTIONS and not self._too_many:
            warn("more servers are checked than connections are held open to", servers=count, held=MAX_CONNECTIONS)
        self._too_many = count > MAX_CONNECTIONS


def checks_of(document: RenderedVirtualIP) -> tuple[Check, ...]:
    return () if document.health is None else (*document.health.http, *document.health.tcp)


def _checks_behind(document: RenderedVirtualIP, verdict: Health) -> tuple[Check, ...]:
    health = document.health or HealthSection()
    of_source = {HealthSource.HTTP_CHECK: health.http, HealthSource.TCP_CHECK: health.tcp}
    return of_source.get(verdict.source, ())


def _name_of(target: Target) -> str:
    return f"{target[0]} port {target[1]}"


def _target(check: Check) -> Target:
    return check.host, check.port
