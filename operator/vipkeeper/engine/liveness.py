"""Is an IPv6 address that was put on an interface already answered for? The kernel does that in a work queue of its own.

An IPv4 address works when the request returns. One of IPv6 becomes a local route some hundred microseconds later, on a
busy machine some milliseconds (addrconf_dad_work in net/ipv6/addrconf.c, also without duplicate address detection).
Whoever announces it before sends the neighbours to a host that does not take their packets yet.

Tests: tests/netns/test_handover.py.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import AF_INET6, IPAddress
from vipkeeper.vrrp.units import ms_to_ns

LOOK_AGAIN_NS = ms_to_ns(1) // 4
LIMIT_NS = ms_to_ns(10)
"""Then it is announced all the same: the address may have gone again, or the kernel may be of another kind."""

_RTM_NEWROUTE, _RTM_GETROUTE, _RTN_LOCAL, _RTA_DST, _NLM_F_REQUEST = 24, 26, 2, 1, 1
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_TYPE_OFFSET = _HEADER.size + 7


class Liveness:
    """One for each router; the socket is the engine's."""

    def __init__(self, loop: Loop, routes: LocalRoutes) -> None:
        self._routes = routes
        self._timer = loop.timer(self._look)
        self._waiting: list[Callable[[int], None]] = []
        self._addresses: tuple[IPAddress, ...] = ()
        self._limit_ns = 0

    def when_live(self, addresses: tuple[IPAddress, ...], then: Callable[[int], None], now_ns: int) -> None:
        """Call `then`, in its turn, when all of them are answered for: at once as a rule."""
        wanted = tuple(address for address in addresses if address.version == 6)
        if not self._waiting and self._routes.are_local(wanted):
            then(now_ns)
            return
        if not self._waiting:
            self._limit_ns = now_ns + LIMIT_NS
        self._addresses = tuple(dict.fromkeys((*self._addresses, *wanted)))
        self._waiting.append(then)
        self._timer.set(now_ns + LOOK_AGAIN_NS)

    def cancel(self) -> None:
        self._timer.cancel()
        self._waiting, self._addresses = [], ()

    def _look(self, now_ns: int) -> None:
        if now_ns < self._limit_ns and not self._routes.are_local(self._addresses):
            self._timer.set(now_ns + LOOK_AGAIN_NS)
            return
        waiting = self._waiting
        self.cancel()
        for then in waiting:
            then(now_ns)


class LocalRoutes:
    """Asks the kernel for a route: it answers before the request returns."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.setblocking(False)

    def are_local(self, addresses: tuple[IPAddress, ...]) -> bool:
        return all(self._is_local(address) for address in addresses)

    def close(self) -> None:
        self._socket.close()

    def _is_local(self, address: IPAddress) -> bool:
        body = _ROUTE.pack(AF_INET6, 128, 0, 0, 0, 0, 0, 0, 0) + struct.pack("=HH", 20, _RTA_DST) + address.packed
        header = _HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 0, 0)
        try:
            self._socket.send(header + body)
            answer = self._socket.recv(4096)
        except OSError:
            return True  # nothing to be learned here: do not wait
        return (
            len(answer) > _TYPE_OFFSET
            and struct.unpack_from("=H", answer, 4)[0] == _RTM_NEWROUTE
            and answer[_TYPE_OFFSET] == _RTN_LOCAL
        )
