"""Which of the kernel's messages wake us: the filter, run by the kernel. (The socket: tests/netns/test_interfaces.py.)"""

import ctypes
import socket
import struct
from ipaddress import ip_address

import pytest

from vipkeeper.engine.netlink import echo_filter
from vipkeeper.engine.netlink_codec import NLM_F_MULTI, OUR_PROTO, add_address, delete_address

SO_ATTACH_FILTER = 26
VIP, VIP6 = ip_address("192.0.2.100"), ip_address("2001:db8::100")


def passes(message: bytes) -> bool:
    steps = echo_filter()
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        sock_fprog = struct.pack("@HP", len(steps), ctypes.addressof(program))
        receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, sock_fprog)
        receiver.setblocking(False)
        sender.setblocking(False)
        try:
            sender.send(message)
            return receiver.recv(65536) == message
        except OSError:
            return False


def of_another_proto(message: bytes, proto: int) -> bytes:
    tag = struct.pack("=HHB3x", 5, 11, OUR_PROTO)
    assert tag in message
    return message.replace(tag, struct.pack("=HHB3x", 5, 11, proto))


def without_proto(message: bytes) -> bytes:
    shorter = message[:-8]
    return struct.pack("=I", len(shorter)) + shorter[4:]


@pytest.mark.parametrize("address", [VIP, VIP6])
def test_the_echo_of_our_own_orders_does_not_wake_us(address: object) -> None:
    assert not passes(add_address(2, address, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "message",
    [
        of_another_proto(add_address(2, VIP, 1), 3),
        without_proto(add_address(2, VIP6, 1)),
        delete_address(2, VIP),
        add_address(2, VIP, 1)[:6] + struct.pack("=H", NLM_F_MULTI) + add_address(2, VIP, 1)[8:],
        struct.pack("=IHHII", 32, 16, 0, 0, 0) + bytes(16),
    ],
    ids=["somebody else's", "without a tag", "a removal", "a part of a dump", "a link"],
)
def test_everything_else_does(message: bytes) -> None:
    assert passes(message)
