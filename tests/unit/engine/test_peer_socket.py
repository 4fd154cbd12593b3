"""operator/vipkeeper/engine/peer_socket.py (and tests/netns/test_handover.py)"""

from __future__ import annotations

import socket
import time
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink_codec import IPAddress
from vipkeeper.engine.peer_socket import GARBAGE_A_SECOND, PeerSocket, Way, peer_filter
from vipkeeper.peering.envelope import MAGIC, VERSION
from vipkeeper.vrrp.units import NS_PER_S

PORT = 7112
GOOD = MAGIC + bytes((VERSION,)) + b"and more"


class End:
    def __init__(self, version: int, *, good: bool = True) -> None:
        self.loop = Loop()
        self.good = good
        self.heard: list[tuple[bytes, Way]] = []
        self.socket = PeerSocket(self.loop, PORT, version, self._take)

    def _take(self, data: bytes, way: Way, _now_ns: int) -> bool:
        self.heard.append((data, way))
        return self.good

    def wait(self) -> None:
        limit = time.monotonic() + 10
        while not self.heard:
            assert time.monotonic() < limit, "nothing arrives"
            self.loop.run_once(0.05)


def _send(data: bytes, to: str, source: str, ttl: int = 255) -> None:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    sender.bind((source, 0))
    sender.sendto(data, (to, PORT))
    sender.close()


@in_own_network
def test_what_arrives_tells_its_way_and_whether_it_was_forwarded() -> None:
    ip("address add 192.0.2.1/24 dev lo")
    end = End(4)
    end.socket.let_in([ip_address("127.0.0.2")])
    _send(GOOD, "192.0.2.1", "127.0.0.2")
    _send(GOOD, "192.0.2.1", "127.0.0.2", ttl=254)
    end.wait()
    end.socket.drain(time.monotonic_ns())
    lo, sender, ours = socket.if_nametoindex("lo"), ip_address("127.0.0.2"), ip_address("192.0.2.1")
    assert end.heard == [(GOOD, Way(sender, lo, ours, True)), (GOOD, Way(sender, lo, ours, False))]


@in_own_network
def test_strangers_and_other_protocols_do_not_get_in() -> None:
    end = End(4)
    _send(GOOD, "127.0.0.1", "127.0.0.2")  # nobody is known yet
    end.socket.let_in([ip_address("127.0.0.2"), ip_address("127.0.0.9")])
    _send(b"other protocol", "127.0.0.1", "127.0.0.2")
    _send(GOOD, "127.0.0.1", "127.0.0.3")
    _send(GOOD + b"!", "127.0.0.1", "127.0.0.9")
    end.wait()
    end.socket.drain(time.monotonic_ns())
    assert [data for data, _way in end.heard] == [GOOD + b"!"]


@in_own_network
def test_ipv6_leaves_by_the_interface_and_from_the_address_of_its_way() -> None:
    ip("link add eth0 type veth peer name other")
    ip("link set other up")
    ip("link set eth0 up")
    ip("address add fe80::77/64 dev eth0 nodad")
    end = End(6)
    end.socket.let_in([ip_address("fe80::77")])
    index = socket.if_nametoindex("eth0")
    assert end.socket.send(GOOD, Way(ip_address("fe80::77"), index, ip_address("fe80::77")))
    end.wait()
    data, way = end.heard[0]
    assert (data, way.address, way.source, way.direct) == (GOOD, ip_address("fe80::77"), ip_address("fe80::77"), True)


@in_own_network
def test_garbage_of_forged_peers_is_read_in_portions_and_then_not_at_all_for_a_moment() -> None:
    end = End(4, good=False)
    end.socket.let_in([ip_address("127.0.0.2")])
    start_ns = time.monotonic_ns()
    later_ns = (start_ns // NS_PER_S + 100) * NS_PER_S
    while len(end.heard) < GARBAGE_A_SECOND and time.monotonic_ns() - start_ns < 20 * NS_PER_S:
        _send(GOOD, "127.0.0.1", "127.0.0.2")
        end.socket.read(later_ns)  # within one second of its own, however long it takes here
    for _ in range(200):
        _send(GOOD, "127.0.0.1", "127.0.0.2")
    end.loop.run_once(0)
    end.loop.run_once(0)
    assert len(end.heard) <= GARBAGE_A_SECOND + 2, "it is not even woken"


@in_own_network
def test_a_port_that_is_taken_is_an_error() -> None:
    first = End(4)
    with pytest.raises(OSError, match="in use"):
        End(4)
    first.socket.close()
    End(4).socket.close()


@pytest.mark.parametrize("sources", [[], [IPv4Address(f"192.0.2.{number}") for number in range(1, 65)]])
def test_the_filter_stays_within_what_a_jump_can_reach(sources: list[IPAddress]) -> None:
    for step in (*peer_filter(4, sources), *peer_filter(6, [IPv6Address(int(item)) for item in sources])):
        assert 0 <= step[1] < 256
        assert 0 <= step[2] < 256
