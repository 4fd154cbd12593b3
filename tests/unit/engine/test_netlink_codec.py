"""Our bytes, read by pyroute2; pyroute2's bytes and the kernel's, read by us."""

import socket
import struct
from ipaddress import ip_address
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from vipkeeper.engine.netlink_codec import (
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NLM_F_REQUEST,
    OUR_PROTO,
    RTM_DELADDR,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_NEWADDR,
    AddressMessage,
    DumpDone,
    ErrorMessage,
    LinkMessage,
    Message,
    add_address,
    delete_address,
    dump_request,
    parse,
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


@pytest.mark.parametrize("address", [VIP, VIP6])
def test_a_removal_names_the_address_alone(address: Any) -> None:
    message = as_pyroute2(delete_address(7, address), ifaddrmsg)
    assert message["header"]["type"] == RTM_DELADDR
    assert message.get_attr("IFA_LOCAL") == str(address)
    assert message["prefixlen"] == address.max_prefixlen


def test_our_own_request_reads_back() -> None:
    (message,) = parse(add_address(7, VIP6, 2))
    assert message == AddressMessage(7, VIP6, 128, 0x202, 0, OUR_PROTO, gone=False)
    (message,) = parse(delete_address(7, VIP))
    assert isinstance(message, AddressMessage)
    assert message.gone


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


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 16, b"\0" * 7, bytes(range(64)), struct.pack("=IHHII", 16, 3, 0, 1, 0)[:15]]
)
def test_garbage_ends_the_reading_and_nothing_else(data: bytes) -> None:
    assert list(parse(data)) == []
