"""CPU and memory, as /proc words them."""

from __future__ import annotations

import os
import struct

import pytest

from tests.bench import accounts


def test_cpu_time_of_a_process_with_a_strange_name() -> None:
    stat = (
        "12 (a (b) c) S 1 12 12 0 -1 4194560 99 0 0 0 " + f"{2 * accounts.TICKS_PER_S} {accounts.TICKS_PER_S} 7 7 20 0"
    )
    assert accounts.parse_cpu_s(stat) == 3


def test_the_cpu_time_of_a_process_that_works_grows() -> None:
    begin = accounts.cpu_s(os.getpid())
    while accounts.cpu_s(os.getpid()) == begin:
        sum(range(10_000))
    assert accounts.cpu_s(os.getpid()) > begin


def test_sizes_in_smaps() -> None:
    assert accounts.parse_kib("Rss:               5000 kB\nPss:                 4 kB\n", "Pss") == 4
    with pytest.raises(ValueError, match="Locked"):
        accounts.parse_kib("Rss: 1 kB\n", "Locked")


def test_ranges_of_maps_without_those_of_the_kernel() -> None:
    maps = "00400000-00452000 r-xp 0 08:02 1 /bin/x\nffffffffff600000-ffffffffff601000 --xp 0 0:0 0 [vsyscall]\n"
    assert accounts.parse_maps(maps) == [(0x400000, 0x452000)]


def test_only_pages_that_are_present_count() -> None:
    present, swapped, soft_dirty = 1 << 63, 1 << 62, 1 << 55
    data = struct.pack("=4Q", present | 5, present | soft_dirty | 6, swapped | 7, 0)
    assert accounts.parse_pagemap(data) == {5, 6}


def test_a_page_of_two_owners_counts_half_for_each() -> None:
    assert accounts.shares({1: {10, 11, 12}, 2: {12}}) == {1: 2.5, 2: 0.5}


@pytest.mark.skipif(os.geteuid() != 0, reason="root")
def test_alone_we_weigh_about_what_is_resident() -> None:
    me = os.getpid()
    assert accounts.alone_mib([me])[me] == pytest.approx(accounts.resident_mib(me), rel=0.2)
