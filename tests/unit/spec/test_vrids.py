"""operator/vipkeeper/spec/vrids.py"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from tests.unit.spec.objects import speaker
from tests.unit.spec.test_conflicts import claim
from vipkeeper.spec.speaker import SegmentReport, VRRPSpeaker
from vipkeeper.spec.vrids import allocate_vrid, heard_on_the_wire


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


@given(some.text(), some.sets(some.integers(1, 255), max_size=254), some.sets(some.integers(1, 255)))
def test_what_strangers_use_is_left_to_them_as_long_as_there_is_another(
    uid: str, taken: set[int], heard: set[int]
) -> None:
    vrid = allocate_vrid(uid, taken, heard)
    assert vrid is not None, "whoever pretends to use them all refuses us nothing"
    assert vrid not in taken
    assert vrid not in heard or taken | heard == set(range(1, 256))


def hears(node: str, segment: str, *vrids: int) -> VRRPSpeaker:
    told = SegmentReport(interface="eth0", segment=segment, foreign_vrids=vrids)
    made = speaker(node)
    return made.model_copy(update={"status": made.status.model_copy(update={"segments": (told,)})})


SPEAKERS = (
    hears("n1", "192.0.2.0/24", 7, 8),
    hears("n2", "192.0.2.0/24", 9),
    hears("n3", "198.51.100.0/24", 10),
    hears("n1", "2001:db8::/64", 11),
)


def test_what_is_heard_counts_on_the_segment_and_in_the_family() -> None:
    four, six = "192.0.2.10", "2001:db8::10"
    known = claim("web", four, segments="192.0.2.0/24", nodes="n3")
    assert heard_on_the_wire(known, SPEAKERS) == {7, 8, 9}
    assert heard_on_the_wire(claim("web", four, nodes="n3"), SPEAKERS) == {7, 8, 9}, "the one that holds the address"
    assert heard_on_the_wire(claim("web", six, nodes="n3"), SPEAKERS) == {11}
    assert heard_on_the_wire(claim("web", four, six, separate=True), SPEAKERS) == {7, 8, 9, 11}
    assert heard_on_the_wire(claim("web", four, six), SPEAKERS) == {7, 8, 9}


def test_as_long_as_nobody_knows_the_segment_it_is_what_the_nodes_hear() -> None:
    assert heard_on_the_wire(claim("web", "203.0.113.1", nodes="n2 n3"), SPEAKERS) == {9, 10}
    assert heard_on_the_wire(claim("web", "203.0.113.1", nodes="n4"), SPEAKERS) == frozenset()


def test_a_segment_that_is_none_is_passed_over() -> None:
    assert heard_on_the_wire(claim("web", "192.0.2.10", nodes="n4"), [hears("n1", "nonsense", 7)]) == frozenset()
