"""Who has an address in the kernel, told by the kernels themselves: every change, at the moment it happens.

One netlink socket in the network namespace of each node, all read by one thread with one clock. Nothing runs inside
the nodes, so the watch works on a frozen one and costs the others nothing. An address on an interface without carrier
is no owner's when the watch is told so: FRR leaves it there as Backup, on a macvlan that is down.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from types import TracebackType

from tests.e2e.support.timeline import Gap

Address = IPv4Address | IPv6Address

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
NLM_F_REQUEST_DUMP = 0x301
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
IFF_LOWER_UP = 0x10000
IFA_ADDRESS, IFA_LOCAL = 1, 2
NLMSG_DONE = 3
RECEIVE_BUFFER_BYTES = 1 << 22
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33


@dataclass(frozen=True, slots=True)
class Change:
    at_ns: int
    node: str
    address: Address
    present: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A time during which the owners did not change."""

    start_ns: int
    end_ns: int
    owners: frozenset[str]


class OwnerWatch:
    """`nodes`: each node's name and the path of its network namespace. Watches from `with` until its end.

    `only_up`: addresses of interfaces without carrier do not count.
    """

    def __init__(self, nodes: Mapping[str, Path], *, only_up: bool = False) -> None:
        self._sockets = {_open_in(path): name for name, path in nodes.items()}
        self._only_up = only_up
        self._changes: list[Change] = []
        self._present: set[tuple[str, Address]] = set()
        self._configured: set[tuple[str, int, Address]] = set()
        self._down: set[tuple[str, int]] = set()
        self._known = threading.Condition()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._watch, name="owners", daemon=True)

    def __enter__(self) -> OwnerWatch:
        for connection in self._sockets:
            for request, family in (
                (RTM_GETLINK, socket.AF_UNSPEC),
                (RTM_GETADDR, socket.AF_INET),
                (RTM_GETADDR, socket.AF_INET6),
            ):
                connection.send(struct.pack("=IHHIIB15x", 32, request, NLM_F_REQUEST_DUMP, 1, 0, family))
                self._read_dump(connection)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.close()
        self._thread.join()
        for connection in [*self._sockets, self._woken]:
            connection.close()

    def owners(self, address: Address | str) -> set[str]:
        wanted = ip_address(str(address))
        with self._known:
            return {node for node, held in self._present if held == wanted}

    def addresses(self, node: str) -> set[Address]:
        with self._known:
            return {held for name, held in self._present if name == node}

    def wait_for(self, address: Address | str, owners: Iterable[str], timeout_s: float) -> None:
        """Until exactly these nodes have the address. TimeoutError tells who has it."""
        wanted = set(owners)
        with self._known:
            if not self._known.wait_for(lambda: self.owners(address) == wanted, timeout_s):
                raise TimeoutError(
                    f"{address} is on {sorted(self.owners(address))}, not on {sorted(wanted)}, after {timeout_s:.0f} s"
                )

    def wait_for_one(self, address: Address | str, among: Iterable[str], timeout_s: float) -> str:
        """Until exactly one node, of `among`, has the address; its name."""
        allowed = set(among)
        with self._known:
            if not self._known.wait_for(lambda: len(held := self.owners(address)) == 1 and held <= allowed, timeout_s):
                raise TimeoutError(
                    f"{address} is on {sorted(self.owners(address))} after {timeout_s:.0f} s, not on one of {sorted(allowed)}"
                )
            return next(iter(self.owners(address)))

    def wait_for_several(self, address: Address | str, among: Iterable[str], count: int, timeout_s: float) -> None:
        """Until so many nodes have the address: one is off the segment and keeps it, another has taken over."""
        allowed = set(among)
        with self._known:
            if not self._known.wait_for(lambda: len(self.owners(address) & allowed) == count, timeout_s):
                raise TimeoutError(f"{address} is on {sorted(self.owners(address))} after {timeout_s:.0f} s")

    def changes(self, since_ns: int) -> list[Change]:
        """Of every address on every node."""
        with self._known:
            return [change for change in self._changes if change.at_ns >= since_ns]

    def spans(self, address: Address | str, since_ns: int, until_ns: int | None = None) -> Iterator[Span]:
        """Who had the address, from `since_ns` to `until_ns` (now)."""
        wanted, end_ns = ip_address(str(address)), until_ns or time.monotonic_ns()
        owners: frozenset[str] = frozenset()
        start_ns = since_ns
        with self._known:
            changes = [change for change in self._changes if change.address == wanted and change.at_ns <= end_ns]
        for change in changes:
            if change.at_ns > start_ns:
                yield Span(start_ns, change.at_ns, owners)
                start_ns = change.at_ns
            owners = owners | {change.node} if change.present else owners - {change.node}
        yield Span(start_ns, end_ns, owners)

    def longest_without_owner(self, address: Address | str, since_ns: int) -> Gap | None:
        return _longest(span for span in self.spans(address, since_ns) if not span.owners)

    def longest_with_several(self, address: Address | str, since_ns: int, besides: Iterable[str] = ()) -> Gap | None:
        """`besides`: nodes that are off the segment, whose copy of the address nobody can reach."""
        away = set(besides)
        return _longest(span for span in self.spans(address, since_ns) if len(span.owners - away) > 1)

    def story(self, address: Address | str, since_ns: int) -> str:
        """For the message of a failed assertion."""
        lines = [
            f"  {(span.start_ns - since_ns) / 1e6:10.1f} ms  {', '.join(sorted(span.owners)) or 'nobody'}"
            for span in self.spans(address, since_ns)
        ]
        return "\n".join([f"owners of {address}:", *lines])

    # --- inside ------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        poll = select.poll()
        by_number = {connection.fileno(): connection for connection in self._sockets}
        for number in [*by_number, self._woken.fileno()]:
            poll.register(number, select.POLLIN)
        while True:
            for number, _events in poll.poll():
                if number == self._woken.fileno():
                    return
                self._read(by_number[number])

    def _read(self, connection: socket.socket) -> None:
        data = connection.recv(1 << 16)
        self._take(data, self._sockets[connection], time.monotonic_ns())

    def _read_dump(self, connection: socket.socket) -> None:
        while True:
            data = connection.recv(1 << 16)
            self._take(data, self._sockets[connection], 0)
            if any(kind == NLMSG_DONE for kind, _body in _messages_in(data)):
                return

    def _take(self, data: bytes, node: str, now_ns: int) -> None:
        for kind, body in _messages_in(data):
            if kind in (RTM_NEWADDR, RTM_DELADDR):
                index, address = _read_address(body)
                key = (node, index, address)
                with self._known:
                    (self._configured.add if kind == RTM_NEWADDR else self._configured.discard)(key)
                    self._note(now_ns, node, {address})
            elif kind in (RTM_NEWLINK, RTM_DELLINK) and body[0] == socket.AF_UNSPEC:
                index, flags = struct.unpack_from("=iI", body, 4)
                up = kind == RTM_NEWLINK and flags & IFF_LOWER_UP
                with self._known:
                    (self._down.discard if up else self._down.add)((node, index))
                    self._note(
                        now_ns, node, {held for name, at, held in self._configured if (name, at) == (node, index)}
                    )

    def _note(self, at_ns: int, node: str, addresses: Iterable[Address]) -> None:
        """Who has them may have changed; a refreshed lifetime and a link that stays as it was change nothing."""
        for address in addresses:
            present = any(
                (name, held) == (node, address) and not (self._only_up and (name, index) in self._down)
                for name, index, held in self._configured
            )
            if present != ((node, address) in self._present):
                (self._present.add if present else self._present.discard)((node, address))
                self._changes.append(Change(at_ns, node, address, present))
                self._known.notify_all()


def _longest(spans: Iterable[Span]) -> Gap | None:
    return max((Gap(span.start_ns, span.end_ns) for span in spans), key=lambda gap: gap.ms, default=None)


def _messages_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 16:
        length, kind = struct.unpack("=IH", data[:6])
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def _read_address(body: bytes) -> tuple[int, Address]:
    attributes = dict(_attributes_in(body[8:]))
    (index,) = struct.unpack_from("=I", body, 4)
    return index, ip_address(attributes.get(IFA_LOCAL) or attributes[IFA_ADDRESS])


def _attributes_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack("=HH", data[:4])
        yield kind, data[4:length]
        data = data[(length + 3) & ~3 :]


def _open_in(namespace: Path) -> socket.socket:
    """A netlink socket that stays in `namespace`. A thread of its own goes there and ends, so nobody has to come back."""
    opened: list[socket.socket | OSError] = []
    thread = threading.Thread(target=lambda: opened.append(_enter_and_open(namespace)))
    thread.start()
    thread.join()
    if isinstance(opened[0], OSError):
        raise opened[0]
    return opened[0]


def _enter_and_open(namespace: Path) -> socket.socket | OSError:
    libc = ctypes.CDLL(None, use_errno=True)
    number = os.open(namespace, os.O_RDONLY)
    try:
        if libc.setns(number, CLONE_NEWNET):
            return OSError(ctypes.get_errno(), f"setns {namespace}")
        connection = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        connection.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        connection.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR))
        return connection
    finally:
        os.close(number)
