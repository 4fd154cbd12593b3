"""The UDP sockets between engines, one for each family: datagrams with the way that they came by, or shall go.

A way is an address and, where it matters, the interface: a question on the segment of a virtual router leaves by its
interface and from our address there, whatever the routing table says (IP_PKTINFO, ipv6(7)). What arrives with TTL 255
was forwarded by nobody (RFC 5082), so together with the interface it is proof of the segment.

A filter in the kernel lets in nothing but our protocol from known peers, so strangers cost no Python. Who forges those
addresses is read in small portions, and after GARBAGE_A_SECOND datagrams that were refused not at all until the next
second: VRRP and its timers go first.

Tests: tests/netns/test_handover.py, tests/unit/engine/test_peer_socket.py.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.peering.envelope import MAGIC, MAX_BYTES, VERSION
from vipkeeper.vrrp.units import NS_PER_S

READS_PER_WAKEUP = 32
READS_PER_DRAIN = 256
"""Before silence is believed."""
GARBAGE_A_SECOND = 1000
MAX_SOURCES = 64

_SO_ATTACH_FILTER = 26
_IP_PKTINFO, _IP_TTL, _IP_RECVTTL = 8, 2, 12
_TTL = 255
_TRAFFIC_CLASS = 0xC0
_SKB_PRIORITY = 6
_UDP_HEADER_BYTES = 8
_NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF


@dataclass(frozen=True, slots=True)
class Way:
    """Of an answer: the way that the question came."""

    address: IPAddress
    """Of the peer."""
    index: int = 0
    """Interface; 0: what the routing table says."""
    source: IPAddress | None = None
    """Our address; None: what the routing table says."""
    direct: bool = False
    """It came in by that interface without being forwarded."""


Receive = Callable[[bytes, Way, int], bool]
"""Gets the datagram, its way and the time; False: it was refused."""


def peer_filter(version: int, sources: Iterable[IPAddress]) -> list[tuple[int, int, int, int]]:
    """Classic BPF: datagrams of our protocol from one of these addresses. Offset 0 is the UDP header."""
    ld_word, ld_half, ld_byte, jeq, ret = 0x20, 0x28, 0x30, 0x15, 0x06
    program = [
        (ld_half, 0, 0, _UDP_HEADER_BYTES),
        (jeq, 1, 0, int.from_bytes(MAGIC, "big")),
        (ret, 0, 0, 0),
        (ld_byte, 0, 0, _UDP_HEADER_BYTES + len(MAGIC)),
        (jeq, 1, 0, VERSION),
        (ret, 0, 0, 0),
    ]
    first = 12 if version == 4 else 8
    for source in sources:
        words = struct.unpack(f"!{len(source.packed) // 4}I", source.packed)
        for number, word in enumerate(words):
            others = 2 * (len(words) - number - 1)
            program += [(ld_word, 0, 0, _NETWORK_HEADER + first + 4 * number), (jeq, 0, others + 1, word)]
        program.append((ret, 0, 0, 0xFFFFFFFF))
    return [*program, (ret, 0, 0, 0)]


class PeerSocket:
    def __init__(self, loop: Loop, port: int, version: int, receive: Receive) -> None:
        """Raises OSError when the port is taken."""
        self._loop = loop
        self._port = port
        self._version = version
        self._receive = receive
        self._sources: tuple[IPAddress, ...] | None = None
        self._errors: set[tuple[IPAddress, str]] = set()
        self._second = 0
        self._garbage = 0
        self._rest = loop.timer(self._watch_again)
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            self._set_up()
        except BaseException:
            self._socket.close()
            raise
        loop.watch(self._socket.fileno(), self.read)

    def close(self) -> None:
        self._rest.cancel()
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()

    def let_in(self, sources: Iterable[IPAddress]) -> None:
        """Datagrams from these addresses, and no others."""
        wanted = tuple(sorted({item for item in sources if item.version == self._version}, key=int))[:MAX_SOURCES]
        if wanted == self._sources:
            return
        self._sources = wanted
        steps = peer_filter(self._version, wanted)
        program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
        sock_fprog = struct.pack("@HP", len(steps), ctypes.addressof(program))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, sock_fprog)

    def send(self, data: bytes, way: Way) -> bool:
        """False: the kernel does not want to. Each cause is logged once until that way works again."""
        try:
            if self._version == 4:
                self._socket.sendmsg([data], _packet_info_v4(way), 0, (str(way.address), self._port))
            else:
                scope = way.index if way.address.is_link_local else 0
                self._socket.sendmsg([data], _packet_info_v6(way), 0, (str(way.address), self._port, 0, scope))
        except OSError as error:
            failure = (way.address, error.strerror or "")
            if failure not in self._errors:
                self._errors.add(failure)
                warn("a peer can't be sent to", address=way.address, error=error.strerror)
            return False
        if self._errors:
            self._errors = {failure for failure in self._errors if failure[0] != way.address}
        return True

    def read(self, now_ns: int, limit: int = READS_PER_WAKEUP) -> None:
        """What has arrived, at most `limit` datagrams."""
        for _ in range(limit):
            try:
                data, ancillary, _flags, sender = self._socket.recvmsg(MAX_BYTES + 1, 256)
            except BlockingIOError:
                return
            except OSError:  # what somebody answered to a datagram of ours (ICMP), once
                continue
            if not self._receive(data, self._way(ancillary, sender), now_ns) and self._is_too_much(now_ns):
                return

    def drain(self, now_ns: int) -> None:
        self.read(now_ns, READS_PER_DRAIN)

    def _is_too_much(self, now_ns: int) -> bool:
        second = now_ns // NS_PER_S
        if second != self._second:
            self._second, self._garbage = second, 0
        self._garbage += 1
        if self._garbage != GARBAGE_A_SECOND:
            return self._garbage > GARBAGE_A_SECOND
        warn("too much of what comes from peers is refused; not read for a moment", port=self._port)
        self._loop.unwatch(self._socket.fileno())
        self._rest.set((second + 1) * NS_PER_S)
        return True

    def _watch_again(self, _now_ns: int) -> None:
        self._loop.watch(self._socket.fileno(), self.read)

    def _way(self, ancillary: list[tuple[int, int, bytes]], sender: tuple[object, ...]) -> Way:
        index, ttl = 0, 0
        source: IPAddress | None = None
        for level, kind, data in ancillary:
            match level, kind:
                case socket.IPPROTO_IP, 8:  # IP_PKTINFO
                    index, source = struct.unpack("=I", data[:4])[0], IPv4Address(data[8:12])
                case socket.IPPROTO_IP, 2:  # IP_TTL
                    ttl = struct.unpack("=i", data[:4])[0]
                case socket.IPPROTO_IPV6, socket.IPV6_PKTINFO:
                    index, source = struct.unpack("=I", data[16:20])[0], IPv6Address(data[:16])
                case socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT:
                    ttl = struct.unpack("=i", data[:4])[0]
        text = str(sender[0]).partition("%")[0]
        address = IPv4Address(text) if self._version == 4 else IPv6Address(text)
        return Way(address, index, source, ttl == _TTL)

    def _set_up(self) -> None:
        opened = self._socket
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _SKB_PRIORITY)
        if self._version == 4:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, _TTL)
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _TRAFFIC_CLASS)
            opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            opened.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
        else:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _TTL)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _TRAFFIC_CLASS)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _SKB_PRIORITY)  # IP_TOS has set another
        self.let_in(())  # before anything can arrive
        opened.bind(("0.0.0.0" if self._version == 4 else "::", self._port))


def _packet_info_v4(way: Way) -> list[tuple[int, int, bytes]]:
    if not way.index and way.source is None:
        return []
    source = bytes(4) if way.source is None else way.source.packed
    return [(socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=I4s4s", way.index, source, bytes(4)))]


def _packet_info_v6(way: Way) -> list[tuple[int, int, bytes]]:
    if not way.index and way.source is None:
        return []
    source = bytes(16) if way.source is None else way.source.packed
    return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16sI", source, way.index))]
