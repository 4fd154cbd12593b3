"""operator/vipkeeper/spec/vrids.py"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from vipkeeper.spec.vrids import allocate_vrid


@given(some.text(), some.sets(some.integers(1, 255), max_size=254))
def test_a_free_vrid_is_found_as_long_as_there_is_one(uid: str, taken: set[int]) -> None:
    vrid = allocate_vrid(uid, taken)
    assert vrid is not None
    assert 1 <= vrid <= 255
    assert vrid not in taken
    assert vrid == allocate_vrid(uid, taken)


def test_none_is_left_when_all_are_taken() -> None:
    assert allocate_vrid("uid", set(range(1, 256))) is None


def test_objects_begin_their_search_at_different_numbers() -> None:
    assert len({allocate_vrid(f"uid-{number}", set()) for number in range(100)}) > 60


def test_a_taken_one_moves_the_search_to_the_next_and_around_the_end() -> None:
    first = allocate_vrid("uid", set())
    assert first is not None
    assert allocate_vrid("uid", {first}) == first % 255 + 1
    assert allocate_vrid("uid", set(range(first, 256))) == 1
