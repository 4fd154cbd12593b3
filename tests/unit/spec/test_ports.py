"""operator/vipkeeper/spec/ports.py"""

from __future__ import annotations

import pytest

from vipkeeper.spec.ports import PortBlock, PortsExhausted, allocate_ports


def test_blocks_are_given_from_below_and_freed_ones_again() -> None:
    assert allocate_ports([], 17410, 17489) == PortBlock(17410)
    assert allocate_ports([PortBlock(17410)], 17410, 17489) == PortBlock(17414)
    assert allocate_ports([PortBlock(17414)], 17410, 17489) == PortBlock(17410)


def test_a_block_never_touches_another_one_even_after_the_range_was_moved() -> None:
    assert allocate_ports([PortBlock(17412)], 17410, 17489) == PortBlock(17418)


def test_a_full_range_says_what_to_do() -> None:
    taken = [PortBlock(first) for first in range(17410, 17490, 4)]
    assert len(taken) == 20
    with pytest.raises(PortsExhausted, match=r"taken by 20 placements: widen ports.first..ports.last"):
        allocate_ports(taken, 17410, 17489)
    with pytest.raises(PortsExhausted):
        allocate_ports([], 17410, 17412)


def test_the_last_block_fits_exactly() -> None:
    assert allocate_ports([], 17410, 17413) == PortBlock(17410)
