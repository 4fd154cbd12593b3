"""The ear for our addresses while we are Active: whoever else says on the segment that he has one (ARP, neighbour
advertisements) is heard, on all interfaces, and told to the router that holds it.

Bounded: the kernel lets in only what is about addresses that somebody here watches, some are read at a time, and after
each reading there is a rest, so that a flood costs little of a processor; what does not fit is lost.
What is sent to one host alone (an answer to a client's question) is heard by nobody but that host.

The socket for ARP is the guard's, like that of announcements (to close one takes the kernel 10 ms).

Tests: tests/netns/test_address_conflict.py.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from typing import Protocol

from vipkeeper.engine.address_sockets import drain, open_advertisement_socket
from vipkeeper.engine.address_words import (
    ARP_SENDER_AT,
    ND_TARGET_END_AT,
    Word,
    hop_limit_and_index,
    last_words,
    read_advertisement,
    read_arp,
    word_filter,
)
from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Callback, Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.packet_filter import attach
from vipkeeper.vrrp.units import ms_to_ns

READS = 16
REST_NS = ms_to_ns(20)
"""So at most 800 words a second and family are heard."""
_FOR_OTHERS = (3, 4)  # PACKET_OTHERHOST, PACKET_OUTGOING


class Watcher(Protocol):
    def word_heard(self, word: Word, index: int, now_ns: int) -> None:
        """`index`: of the interface by which it came."""
        ...


class AddressEar:
    def __init__(self, loop: Loop, arp: socket.socket) -> None:
        """`arp`: from `address_sockets.py`."""
        self._loop = loop
        self._arp = arp
        self._nd: socket.socket | None = None
        self._watchers: dict[IPAddress, Watcher] = {}
        self._in_force: dict[int, frozenset[int]] = {}
        self._stale = False
        self._resting = {version: loop.timer(self._end_of_rest(version)) for version in (4, 6)}

    def watch(self, watcher: Watcher, addresses: Iterable[IPAddress]) -> None:
        """These, and none that it had before."""
        self.unwatch(watcher)
        self._watchers.update(dict.fromkeys(addresses, watcher))

    def unwatch(self, watcher: Watcher) -> None:
        for address in [item for item, its in self._watchers.items() if its is watcher]:
            del self._watchers[address]
        if not self._stale:
            self._stale = True
            self._loop.afterwards(self._tell_kernel)

    def _tell_kernel(self, _now_ns: int) -> None:
        """Once for all that has changed."""
        self._stale = False
        for version in (4, 6):
            words = last_words(self._watchers, version)
            if words != self._in_force.get(version, frozenset()):
                try:
                    self._listen_for(version, words)
                except OSError as error:
                    warn("others' claims of our addresses are not heard", version=version, error=error.strerror)
                self._in_force[version] = words

    def _listen_for(self, version: int, words: frozenset[int]) -> None:
        at = ARP_SENDER_AT if version == 4 else ND_TARGET_END_AT
        if version == 6 and self._nd is None:
            self._nd = open_advertisement_socket()
        opened = self._arp if version == 4 else self._nd
        assert opened is not None
        attach(opened, word_filter(words, at))
        if version not in self._in_force:
            drain(opened)  # what an engine before this one has not read
            self._loop.watch(opened.fileno(), self._read_arp if version == 4 else self._read_nd)

    def _read_arp(self, now_ns: int) -> None:
        for _ in range(READS):
            try:
                frame, address = self._arp.recvfrom(64)
                if address[2] not in _FOR_OTHERS:
                    self._say(read_arp(frame), socket.if_nametoindex(address[0]), now_ns)
            except OSError:  # nothing is left, or the interface is gone
                break
        self._rest(4)

    def _read_nd(self, now_ns: int) -> None:
        assert self._nd is not None
        for _ in range(READS):
            try:
                message, ancillary, _flags, _sender = self._nd.recvmsg(256, 128)
            except OSError:
                break
            hop_limit, index = hop_limit_and_index(ancillary)
            self._say(read_advertisement(message, hop_limit), index, now_ns)
        self._rest(6)

    def _say(self, word: Word | None, index: int, now_ns: int) -> None:
        watcher = None if word is None else self._watchers.get(word.address)
        if watcher is not None and word is not None:
            watcher.word_heard(word, index, now_ns)

    def _rest(self, version: int) -> None:
        opened = self._arp if version == 4 else self._nd
        assert opened is not None
        self._loop.pause(opened.fileno())
        self._resting[version].set(time.monotonic_ns() + REST_NS)

    def _end_of_rest(self, version: int) -> Callback:
        def end(_now_ns: int) -> None:
            opened = self._arp if version == 4 else self._nd
            assert opened is not None
            self._loop.resume(opened.fileno())

        return end
