"""Accept_Mode False (RFC 9568 §6.1, §6.4.3 (650)): what is addressed to the virtual addresses is dropped on this host.

The guard holds it, for it outlives engines: one nftables table of our own, which the kernel ties to our socket
(NFT_TABLE_F_OWNER, Linux 5.12). Nobody else's `nft flush ruleset` touches it, and when guard and engine (a fork, which
has the socket too) have ended, however they end, the table is gone. It stands before the router runs and on every node, Active or not: a takeover has nothing to do here.
Packets that are forwarded (the address as next hop) never come by; ARP does not either, and ND is let through.

Tests: tests/netns/test_accept_mode.py.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable

from vipkeeper.engine.log import log, warn
from vipkeeper.engine.nftables import errors, replace_table
from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedVirtualIP

_NETLINK_NETFILTER = 12
_BUFFER_BYTES = 1 << 20


class AcceptFilter:
    """`placement` makes the table's name, for those who look; the socket's number makes it unique."""

    def __init__(self, placement: str) -> None:
        self._placement = placement
        self._dropped: frozenset[IPAddress] = frozenset()
        self._socket: socket.socket | None = None
        self._table = ""
        self.problem = ""
        """Why what is wanted is not in force; empty: it is."""

    def want(self, addresses: Iterable[IPAddress]) -> None:
        wanted = frozenset(addresses)
        before, self.problem = self.problem, ""
        if wanted == self._dropped:
            return
        try:
            self._replace(wanted)
        except OSError as error:
            self.problem = f"acceptMode: the kernel refuses the packet filter: {_explained(error)}"
        else:
            self._dropped = wanted
            log("packets are dropped", to=",".join(sorted(map(str, wanted))) or "nobody", table=self._table)
        if self.problem and self.problem != before:
            warn(self.problem)

    def close(self) -> None:
        """The table goes with the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _replace(self, wanted: frozenset[IPAddress]) -> None:
        opened = self._open()
        opened.sendall(replace_table(self._table, wanted, exists=bool(self._dropped)))
        while True:  # one answer to each message, or one error for all of them
            try:
                refused = [code for code in errors(opened.recv(_BUFFER_BYTES)) if code]
            except BlockingIOError:
                return
            if refused:
                raise OSError(refused[0], os.strerror(refused[0]))

    def _open(self) -> socket.socket:
        if self._socket is None:
            kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._socket = socket.socket(socket.AF_NETLINK, kind, _NETLINK_NETFILTER)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            self._socket.bind((0, 0))
            self._table = f"vipkeeper-{self._placement}-{self._socket.getsockname()[0]}"
        return self._socket


def dropped_addresses(documents: Iterable[RenderedVirtualIP]) -> frozenset[IPAddress]:
    return frozenset(item.address for document in documents if not document.accept_mode for item in document.addresses)


def _explained(error: OSError) -> str:
    if error.errno == errno.EOPNOTSUPP:
        return "nf_tables of this kernel has no tables with an owner (Linux 5.12)"
    if error.errno in (errno.EPROTONOSUPPORT, errno.EINVAL):
        return f"{error.strerror} (is nf_tables in this kernel?)"
    return error.strerror or "unknown error"
