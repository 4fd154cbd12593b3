"""operator/vipkeeper/engine/accept_filter.py: what it wants, and what it says when it can't have it."""

from __future__ import annotations

import errno
import struct
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.unit.ipc.test_rendered import FULL, SMALL
from vipkeeper.engine.accept_filter import dropped_addresses
from vipkeeper.engine.nftables import errors

CAN_NOT = """
from ipaddress import ip_address
from vipkeeper.engine.accept_filter import AcceptFilter
found = AcceptFilter("default")
for _ in range(2):
    found.want([ip_address("192.0.2.10")])
print(found.problem)
found.want([])
print(found.problem)
found.close()
"""


def test_only_addresses_of_documents_without_accept_mode_are_dropped() -> None:
    shut = replace(SMALL, accept_mode=False)
    assert dropped_addresses([FULL, shut]) == {ip_address("192.0.2.10")}
    assert dropped_addresses([FULL]) == frozenset()


@pytest.mark.root
@pytest.mark.requires("setpriv")
def test_a_refusal_of_the_kernel_is_told_in_words_and_logged_once() -> None:
    command = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable, "-c", CAN_NOT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    told = "acceptMode: the kernel refuses the packet filter: Operation not permitted"
    assert done.stdout.splitlines() == [told, ""], "and who wants nothing is not refused"
    assert done.stderr.count("the kernel refuses") == 1


def test_the_answers_of_a_batch_are_read_one_by_one() -> None:
    def answer(code: int) -> bytes:
        return struct.pack("=IHHIIi", 36, 2, 0, 0, 0, -code) + bytes(16)

    assert list(errors(answer(0) + answer(errno.EEXIST))) == [0, errno.EEXIST]
    assert list(errors(b"")) == list(errors(bytes(16))) == []
