"""How long a lease is, and who keeps it, on a real kernel.

(With whole speakers: tests/netns/test_kills.py, test_documents.py, test_interfaces.py.)
"""

import json
import os
import socket
import time
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address

import pytest

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.addresses import Addresses, lease_s
from vipkeeper.engine.loop import Loop
from vipkeeper.engine.netlink import Netlink
from vipkeeper.engine.netlink_codec import AddressMessage, Message


@pytest.mark.parametrize(
    ("interval_cs", "real_time", "expected"),
    [
        (1, True, 1),
        (25, True, 1),
        (33, True, 1),
        (34, True, 2),
        (100, True, 3),
        (4095, True, 123),
        (25, False, 2),
        (100, False, 3),
    ],
)
def test_a_lease_is_three_intervals_in_whole_seconds_and_two_seconds_without_real_time(
    interval_cs: int, real_time: bool, expected: int
) -> None:
    assert lease_s(interval_cs, real_time) == expected


VIP, VIP6, OTHER = ip_address("192.0.2.100"), ip_address("2001:db8::100"), ip_address("192.0.2.101")


class Node:
    """An interface, its addresses, and the engine's parts that keep them."""

    def __init__(self) -> None:
        ip("link add one type veth peer name two")
        ip("link set one up")
        ip("link set two up")
        self.index = socket.if_nametoindex("one")
        self.loop = Loop()
        self.removals: list[str] = []
        self.netlink = Netlink(self._heard, lambda: None)
        self.loop.watch(self.netlink.fileno(), lambda _now_ns: self.netlink.read())
        self.addresses = Addresses(self.loop, self.netlink)

    def _heard(self, message: Message) -> None:
        if isinstance(message, AddressMessage) and message.gone:
            self.removals.append(str(message.address))
            self.addresses.was_removed(message.index, message.address)

    def there(self) -> dict[str, int]:
        """What is left of each lease, in seconds."""
        (link,) = json.loads(ip("-json address show dev one"))
        found = [item for item in link["addr_info"] if item["scope"] == "global"]
        return {item["local"]: item["valid_life_time"] for item in found}

    def for_s(self, seconds: float, holds: Callable[[], object]) -> None:
        """The loop turns, and `holds` all the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.loop.run_once(0.05)
            assert holds()

    def until(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + 15
        while not happened():
            assert time.monotonic() < end
            self.loop.run_once(0.02)


@in_own_network
def test_an_address_stays_for_longer_than_its_lease_as_long_as_the_loop_turns_and_no_longer() -> None:
    node = Node()
    node.addresses.rehearse(node.index, (VIP, VIP6), 2)
    assert node.there() == {}, "a rehearsal is none"
    node.addresses.add("web", node.index, (VIP, VIP6), 2)
    assert set(node.there()) == {str(VIP), str(VIP6)}
    assert all(0 < left_s <= 2 for left_s in node.there().values())
    node.for_s(3.5, lambda: len(node.there()) == 2 and not node.removals)
    end = time.monotonic() + 15
    while node.there():  # nobody turns the loop
        assert time.monotonic() < end
        time.sleep(0.05)


@in_own_network
def test_what_two_routers_want_stays_until_both_have_left() -> None:
    node = Node()
    node.addresses.add("web", node.index, (VIP, OTHER), 60)
    node.addresses.add("mail", node.index, (VIP,), 60)
    node.addresses.remove("web", node.index, (VIP, OTHER))
    assert set(node.there()) == {str(VIP)}
    node.addresses.remove("mail", node.index, (VIP,))
    assert node.there() == {}
    node.addresses.remove("mail", node.index, (VIP,))


def routes() -> set[str]:
    """To what is on the link, as far as addresses made them. The kernel shows some that have ended."""
    shown = json.loads(ip("-json -4 route show dev one")) + json.loads(ip("-json -6 route show dev one"))
    alive = {item["dst"] for item in shown if item.get("expires", 1) >= 0}
    return {subnet for subnet in alive if not subnet.startswith("fe80")} - {"192.0.2.0/24"}


@in_own_network
def test_with_its_prefix_length_an_address_brings_a_route_and_takes_it_along() -> None:
    node = Node()
    far, far6 = ip_address("198.51.100.1"), ip_address("2001:db8:1::1")
    ip("address add 192.0.2.1/24 dev one")
    node.addresses.use_prefixes(node.index, {far: 24, far6: 64, VIP: 24, OTHER: 32})
    node.addresses.add("web", node.index, (far, far6, VIP, OTHER), 2)
    assert routes() == {"198.51.100.0/24", "2001:db8:1::/64"}
    node.for_s(3.5, lambda: len(node.there()) == 5 and not node.removals)
    assert routes() == {"198.51.100.0/24", "2001:db8:1::/64"}, "and both are renewed"
    node.addresses.remove("web", node.index, (far, far6, VIP, OTHER))
    node.until(lambda: set(node.there()) == {"192.0.2.1"} and not routes())


@in_own_network
def test_another_prefix_length_takes_the_place_of_the_one_before() -> None:
    node = Node()
    far, far6 = ip_address("198.51.100.1"), ip_address("2001:db8:1::1")
    node.addresses.add("web", node.index, (far, far6), 2)
    assert routes() == set()
    for lengths, expected in (
        ({far: 24, far6: 64}, {"198.51.100.0/24", "2001:db8:1::/64"}),
        ({far: 25, far6: 96}, {"198.51.100.0/25", "2001:db8:1::/96"}),
        ({far: 32, far6: 128}, set()),
    ):
        node.addresses.use_prefixes(node.index, lengths)
        node.until(partial(lambda wanted: routes() == wanted, expected))
        node.for_s(0.2, lambda: set(node.there()) == {str(far), str(far6)})
    node.addresses.remove("web", node.index, (far, far6))
    node.until(lambda: not node.there())


@in_own_network
def test_what_was_left_is_swept_with_the_length_that_it_has() -> None:
    node = Node()
    ip(f"address add {VIP}/24 dev one")
    ip(f"address add {OTHER}/25 dev one")
    node.addresses.add("web", node.index, (OTHER,), 60)
    node.addresses.sweep(node.index, VIP, 24)
    node.addresses.sweep(node.index, OTHER, 25)
    assert set(node.there()) == {str(OTHER)}, "another router wants that one"


@pytest.mark.parametrize("first_s", [30, 2])
@in_own_network
def test_of_two_leases_the_longer_one_holds_and_who_stays_keeps_its_own(first_s: int) -> None:
    node = Node()
    owners = {30: "slow", 2: "fast"}
    node.addresses.add(owners[first_s], node.index, (VIP,), first_s)
    node.addresses.add(owners[32 - first_s], node.index, (VIP,), 32 - first_s)
    node.for_s(1.5, lambda: node.there()[str(VIP)] > 20)
    node.addresses.remove("slow", node.index, (VIP,))
    node.until(lambda: node.there()[str(VIP)] <= 2)
    node.for_s(3, lambda: str(VIP) in node.there())
    assert node.removals == []


@in_own_network
def test_an_address_that_was_let_go_is_left_to_its_lease() -> None:
    node = Node()
    node.addresses.add("web", node.index, (VIP,), 1)
    node.addresses.let_go("web", node.index, (VIP,))
    assert set(node.there()) == {str(VIP)}
    node.until(lambda: not node.there())
    node.addresses.let_go("web", node.index, (VIP,))


@in_own_network
def test_what_somebody_removes_is_put_back_and_told_once_and_what_we_remove_is_not() -> None:
    node = Node()
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.set_blocking(reader, False)
    node.addresses.add("web", node.index, (VIP, VIP6), 60)
    for address in (VIP, VIP6) * 2:
        ip(f"address del {address}/{address.max_prefixlen} dev one")
        node.until(lambda: set(node.there()) == {str(VIP), str(VIP6)})
    lines = os.read(reader, 65536).decode().splitlines()
    assert [line.partition("address=")[2].split()[0] for line in lines] == [str(VIP), str(VIP6)]
    assert node.addresses.put_back("web") == 4
    assert node.addresses.put_back("other") == 0
    node.addresses.remove("web", node.index, (VIP, VIP6))
    node.for_s(0.3, lambda: not node.there())
    assert node.addresses.put_back("web") == 4
    with pytest.raises(BlockingIOError):
        os.read(reader, 4096)


@in_own_network
def test_an_address_that_is_removed_and_wanted_again_at_once_is_there_and_nobody_is_blamed() -> None:
    """IPv6 tells us of our own removal after we have ordered the address again."""
    node = Node()
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.set_blocking(reader, False)
    for _ in range(3):
        node.addresses.add("web", node.index, (VIP, VIP6), 60)
        node.addresses.remove("web", node.index, (VIP, VIP6))
    node.addresses.add("web", node.index, (VIP, VIP6), 60)
    node.for_s(0.3, lambda: len(node.there()) == 2)
    with pytest.raises(BlockingIOError):
        os.read(reader, 4096)
