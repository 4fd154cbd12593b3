"""Our bytes, read by pyroute2; pyroute2's bytes and the kernel's, read by us."""

import socket
import struct
from ipaddress import ip_address
from typing import Any

import pytest
from pyroute2 import IPRoute
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.netlink_codec import (
    IFF_UP,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
    OUR_PROTO,
    RTM_DELADDR,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTMGRP_IPV4_IFADDR,
    RTMGRP_LINK,
    AddressMessage,
    DumpDone,
    ErrorMessage,
    LinkMessage,
    Message,
    add_address,
    delete_address,
    dump_request,
    parse,
    set_link,
)

VIP, VIP6 = ip_address("192.0.2.100"), ip_address("2001:db8::100")


def as_pyroute2(data: bytes, kind: Any) -> Any:
    message = kind(data)
    message.decode()
    return message


def test_an_address_is_put_on_with_a_lease_a_tag_and_no_route() -> None:
    message = as_pyroute2(add_address(7, VIP, 3), ifaddrmsg)
    assert message["header"]["type"] == RTM_NEWADDR
    assert message["header"]["flags"] == NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE
    assert (message["family"], message["prefixlen"], message["index"]) == (socket.AF_INET, 32, 7)
    assert message.get_attr("IFA_LOCAL") == message.get_attr("IFA_ADDRESS") == "192.0.2.100"
    cache = message.get_attr("IFA_CACHEINFO")
    assert (cache["ifa_preferred"], cache["ifa_valid"]) == (3, 3)
    assert message.get_attr("IFA_FLAGS") == 0x200
    assert message.get_attr("IFA_PROTO") == OUR_PROTO


def test_an_ipv6_address_is_never_preferred_and_asks_nobody() -> None:
    message = as_pyroute2(add_address(7, VIP6, 2), ifaddrmsg)
    assert (message["family"], message["prefixlen"]) == (socket.AF_INET6, 128)
    cache = message.get_attr("IFA_CACHEINFO")
    assert (cache["ifa_preferred"], cache["ifa_valid"]) == (0, 2)
    assert message.get_attr("IFA_FLAGS") == 0x200 | 0x02


@pytest.mark.parametrize(("address", "length", "flags"), [(VIP, 24, 0), (VIP6, 64, 0x02), (VIP, 32, 0x200)])
def test_a_prefix_length_of_a_subnet_asks_for_its_route(address: Any, length: int, flags: int) -> None:
    message = as_pyroute2(add_address(7, address, 2, prefix_length=length), ifaddrmsg)
    assert (message["prefixlen"], message.get_attr("IFA_FLAGS")) == (length, flags)
    assert as_pyroute2(delete_address(7, address, prefix_length=length), ifaddrmsg)["prefixlen"] == length


@pytest.mark.parametrize("address", [VIP, VIP6])
def test_a_removal_names_the_address_alone(address: Any) -> None:
    message = as_pyroute2(delete_address(7, address), ifaddrmsg)
    assert message["header"]["type"] == RTM_DELADDR
    assert message.get_attr("IFA_LOCAL") == str(address)
    assert message["prefixlen"] == address.max_prefixlen


def test_our_own_request_reads_back() -> None:
    (added,) = parse(add_address(7, VIP6, 2))
    assert added == AddressMessage(7, VIP6, 128, 0x202, 0, OUR_PROTO, gone=False)
    (removed,) = parse(delete_address(7, VIP))
    assert isinstance(removed, AddressMessage)
    assert removed.gone


def test_a_failure_names_the_address_that_it_is_about() -> None:
    request = add_address(7, VIP, 2)
    body = struct.pack("=i", -19) + request
    data = struct.pack("=IHHII", 16 + len(body), 2, 0, 5, 0) + body
    assert list(parse(data)) == [ErrorMessage(19, RTM_NEWADDR, VIP)]
    success = struct.pack("=IHHIIi", 36, 2, 0, 5, 0, 0) + request[:16]
    assert list(parse(success)) == []


def test_a_link_of_pyroute2_is_read() -> None:
    link = ifinfmsg()
    link["header"]["type"] = 16
    link["index"], link["flags"] = 4, 0x1043
    link["attrs"] = [("IFLA_IFNAME", "eth0"), ("IFLA_ADDRESS", "02:00:00:00:00:01")]
    link.encode()
    expected = LinkMessage(4, "eth0", 0x1043, bytes.fromhex("020000000001"), gone=False)
    assert list(parse(bytes(link.data))) == [expected]


def test_an_interface_is_set_up_and_down_and_its_alias_is_read() -> None:
    assert list(parse(set_link(4, up=True))) == [LinkMessage(4, "", IFF_UP, b"", gone=False)]
    assert list(parse(set_link(4, up=False))) == [LinkMessage(4, "", 0, b"", gone=False)]
    link = ifinfmsg()
    link["header"]["type"] = 16
    link["index"] = 4
    link["attrs"] = [("IFLA_IFALIAS", "vipkeeper default uid")]
    link.encode()
    assert list(parse(bytes(link.data))) == [LinkMessage(4, "", 0, b"", gone=False, alias="vipkeeper default uid")]


def dump(message_type: int) -> list[Message]:
    """From this machine's kernel."""
    messages: list[Message] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(dump_request(message_type, 9))
        while DumpDone(9) not in messages:
            messages += parse(netlink.recv(65536))
    return messages


def test_the_kernels_own_words_are_read() -> None:
    links = [message for message in dump(RTM_GETLINK) if isinstance(message, LinkMessage)]
    assert "lo" in [link.name for link in links]
    indices = {link.index for link in links}
    addresses = [message for message in dump(RTM_GETADDR) if isinstance(message, AddressMessage)]
    assert all(message.index in indices for message in addresses)


def busy_network() -> int:
    """Links and addresses of many kinds. Returns the index of `one`."""
    ip("link add one address 02:00:00:00:00:01 type veth peer name two address 02:00:00:00:00:02")
    ip("link add bridge type bridge")
    ip("link set one up")
    ip("link set two up")
    ip("address add 192.0.2.1/24 dev one")
    ip("address add 192.0.2.2/24 dev one")
    ip("address add 198.51.100.1 peer 198.51.100.2/32 dev two")
    ip("address add 2001:db8::1/64 dev one nodad")
    ip("address add 2001:db8::2/64 dev one valid_lft 100 preferred_lft 0")
    return socket.if_nametoindex("one")


@in_own_network
def test_a_dump_of_links_and_addresses_is_read_as_pyroute2_reads_it() -> None:
    busy_network()
    with IPRoute() as second_opinion:
        links = {
            (
                link["index"],
                link.get_attr("IFLA_IFNAME"),
                link["flags"],
                bytes.fromhex(link.get_attr("IFLA_ADDRESS").replace(":", "")),
            )
            for link in second_opinion.get_links()
        }
        addresses = {
            (
                item["index"],
                item.get_attr("IFA_LOCAL") or item.get_attr("IFA_ADDRESS"),
                item["prefixlen"],
                item.get_attr("IFA_FLAGS"),
                item["scope"],
                item.get_attr("IFA_PROTO") or 0,
            )
            for item in second_opinion.get_addr()
        }
    ours = [message for message in dump(RTM_GETLINK) if isinstance(message, LinkMessage)]
    assert {(link.index, link.name, link.flags, link.mac) for link in ours} == links
    assert {link.name for link in ours} == {"lo", "one", "two", "bridge"}
    found = [message for message in dump(RTM_GETADDR) if isinstance(message, AddressMessage)]
    assert {
        (item.index, str(item.address), item.prefix_length, item.flags, item.scope, item.proto) for item in found
    } == addresses
    assert {"192.0.2.2", "198.51.100.1", "2001:db8::2"} <= {str(item.address) for item in found}
    assert not any([link.gone for link in ours] + [item.gone for item in found])


def exchange(request: bytes) -> list[Message]:
    """What the kernel answers to a request and an enquiry behind it."""
    messages: list[Message] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(request)
        netlink.send(dump_request(RTM_GETADDR, 9))
        while DumpDone(9) not in messages:
            messages += parse(netlink.recv(65536))
    return messages


@in_own_network
def test_the_kernel_does_what_the_requests_say() -> None:
    index = busy_network()
    for address in (VIP, VIP6):
        answers = exchange(add_address(index, address, 7))
        assert not [item for item in answers if isinstance(item, ErrorMessage)]
        (there,) = [item for item in answers if isinstance(item, AddressMessage) and item.address == address]
        assert (there.index, there.prefix_length, there.proto) == (index, address.max_prefixlen, OUR_PROTO)
        assert there.flags & 0x280 == 0x200, "no route for its prefix, and not for ever"
        with IPRoute() as second_opinion:
            (seen,) = second_opinion.get_addr(address=str(address))
        cache = seen.get_attr("IFA_CACHEINFO")
        assert 0 < cache["ifa_valid"] <= 7
        exchange(add_address(index, address, 100))
        with IPRoute() as second_opinion:
            (seen,) = second_opinion.get_addr(address=str(address))
        assert 7 < seen.get_attr("IFA_CACHEINFO")["ifa_valid"] <= 100, "renewed, not refused as a double"
        left = [item for item in exchange(delete_address(index, address)) if isinstance(item, AddressMessage)]
        assert address not in [item.address for item in left]


@in_own_network
def test_the_kernels_refusals_name_the_address() -> None:
    index = busy_network()
    refused = [item for item in exchange(add_address(4711, VIP, 2)) if isinstance(item, ErrorMessage)]
    assert refused == [ErrorMessage(19, RTM_NEWADDR, VIP)]
    refused = [item for item in exchange(delete_address(index, VIP6)) if isinstance(item, ErrorMessage)]
    assert refused == [ErrorMessage(99, RTM_DELADDR, VIP6)]


@in_own_network
def test_news_of_links_and_addresses_are_read_as_they_happen() -> None:
    told: list[tuple[str, bool]] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.bind((0, RTMGRP_LINK | RTMGRP_IPV4_IFADDR))
        netlink.settimeout(10)
        ip("link add one type veth peer name two")
        ip("address add 192.0.2.1/24 dev one")
        ip("address del 192.0.2.1/24 dev one")
        ip("link del one")
        while ("one", True) not in told:
            for message in parse(netlink.recv(65536)):
                assert isinstance(message, LinkMessage | AddressMessage)
                news = (message.name if isinstance(message, LinkMessage) else str(message.address), message.gone)
                if news not in told:
                    told.append(news)
    assert [item for item in told if item[0] != "two"] == [
        ("one", False),
        ("192.0.2.1", False),
        ("192.0.2.1", True),
        ("one", True),
    ]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 16, b"\0" * 7, bytes(range(64)), struct.pack("=IHHII", 16, 3, 0, 1, 0)[:15]]
)
def test_garbage_ends_the_reading_and_nothing_else(data: bytes) -> None:
    assert list(parse(data)) == []
