"""Sets interfaces down, for the guard: the kernel needs up to 20 ms for it (it waits for readers, synchronize_net), time
that an engine does not have.

Tests: tests/netns/test_virtual_mac.py.
"""

from __future__ import annotations

import socket

from vipkeeper.engine.log import warn
from vipkeeper.engine.netlink_codec import set_link


def set_down(index: int) -> None:
    """A refusal is passed over: the interface is gone then."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as opened:
            opened.send(set_link(index, up=False))
    except OSError as error:
        warn("an interface could not be set down", interface_index=index, error=error.strerror)
