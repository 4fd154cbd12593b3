"""Which interface an address belongs on."""

from ipaddress import ip_address, ip_interface, ip_network

import pytest

from vipkeeper.ipc.rendered import NodeShare, RenderedAddress, RenderedVirtualIP
from vipkeeper.prepare.choice import Choice, NodeInterface, choose_interface


def document(*addresses: str, interface: str | None = None) -> RenderedVirtualIP:
    parts = [text.partition("/") for text in addresses]
    return RenderedVirtualIP(
        name="web",
        uid="u",
        generation=1,
        placement="default",
        vrid=1,
        advertisement_interval_cs=25,
        preempt=True,
        addresses=tuple(
            RenderedAddress(ip_address(host), int(length) if length else None) for host, _, length in parts
        ),
        interface=interface,
        nodes={"one": NodeShare(100, 0)},
    )


def interface(
    name: str, index: int, *addresses: str, on_link: tuple[str, ...] = (), default: dict[int, int] | None = None
) -> NodeInterface:
    return NodeInterface(
        name=name,
        index=index,
        loopback=name == "lo",
        addresses=tuple(ip_interface(text) for text in addresses),
        on_link=tuple(ip_network(text) for text in on_link),
        default_route_metric=default,
    )


LO = interface("lo", 1, "127.0.0.1/8", "::1/128")
LAN = interface("eth0", 2, "192.0.2.1/24", "2001:db8::1/64", "fe80::1/64", default={4: 0, 6: 1024})
STORAGE = interface("eth1", 3, "10.0.0.1/8", "fe80::2/64")
POD = interface("veth12", 9, "10.244.0.1/32", "fe80::3/64")
NODE = [LO, LAN, STORAGE, POD]


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["192.0.2.100"], "eth0"),
        (["2001:db8::100"], "eth0"),
        (["10.9.9.9"], "eth1"),
        (["10.244.0.1"], "eth1"),
        (["203.0.113.1"], "eth0"),
        (["fe80::100"], "eth0"),
        (["10.9.9.9", "192.0.2.100"], "eth1"),
    ],
    ids=[
        "subnet",
        "IPv6 subnet",
        "another subnet",
        "not a pod's veth",
        "default route",
        "link-local",
        "the first decides",
    ],
)
def test_the_subnet_decides_then_the_default_route(addresses: list[str], expected: str) -> None:
    assert choose_interface(document(*addresses), NODE) == Choice(expected)


def test_the_longest_prefix_wins_then_the_interface_with_the_default_route() -> None:
    wide, narrow = interface("wide", 2, "10.0.0.1/8", default={4: 0}), interface("narrow", 3, "10.1.0.1/16")
    assert choose_interface(document("10.1.2.3"), [wide, narrow]).interface == "narrow"
    twin = interface("twin", 1, "10.0.0.2/8")
    assert choose_interface(document("10.9.2.3"), [twin, wide]).interface == "wide"


def test_a_written_prefix_length_finds_the_interface_that_has_an_address_there() -> None:
    routed = interface("vlan7", 7, "198.51.100.1/32")
    assert choose_interface(document("198.51.100.9/24"), [*NODE, routed]) == Choice("vlan7")
    assert choose_interface(document("198.51.100.9"), [*NODE, routed]) == Choice("eth0")


def test_a_prefix_that_a_router_advertised_counts() -> None:
    advertised = interface("eth2", 4, "2001:db8:7::5/128", on_link=("2001:db8:7::/64", "fe80::/64"))
    assert choose_interface(document("2001:db8:7::100"), [*NODE, advertised]) == Choice("eth2")


def test_the_cheapest_default_route_of_the_same_family_counts() -> None:
    dear, cheap = interface("dear", 2, default={4: 100}), interface("cheap", 3, default={4: 50, 6: 500})
    assert choose_interface(document("203.0.113.1"), [dear, cheap]) == Choice("cheap")
    six = interface("six", 4, default={6: 10})
    assert choose_interface(document("2001:db8::1"), [dear, cheap, six]) == Choice("six")


def test_a_named_interface_is_taken_as_it_is_also_when_it_is_not_there() -> None:
    assert choose_interface(document("192.0.2.100", interface="bond7"), NODE) == Choice("bond7")


def test_nowhere_to_go_is_a_problem_with_words() -> None:
    choice = choose_interface(document("203.0.113.1"), [LO, STORAGE])
    assert choice.interface == ""
    assert choice.problem == "no interface's subnet holds 203.0.113.1, and there is no default route"


def test_loopback_is_never_chosen() -> None:
    only = interface("lo", 1, "192.0.2.1/24", default={4: 0})
    assert choose_interface(document("192.0.2.100"), [only]).interface == ""
