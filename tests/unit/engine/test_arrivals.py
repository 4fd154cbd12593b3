"""From the calendar's clock to the monotonic one, and when not."""

from vipkeeper.engine.arrivals import Arrivals

MS = 1_000_000
DATE_NS = 1_700_000_000_000 * MS
PATIENCE_NS = 100 * MS


def reading(*moments: tuple[int, int]) -> Arrivals:
    """Readings at these times: of the monotonic clock, and of the calendar's less DATE_NS; in milliseconds."""
    arrivals = Arrivals()
    for now_ms, wall_ms in moments:
        arrivals.begin(now_ms * MS, DATE_NS + wall_ms * MS, PATIENCE_NS)
    return arrivals


def test_a_packet_counts_from_when_the_kernel_had_it() -> None:
    assert reading((1000, 0), (1050, 50)).arrived_ns(DATE_NS + 20 * MS) == 1020 * MS


def test_no_packet_arrived_before_the_last_reading_or_after_now() -> None:
    arrivals = reading((1000, 0), (1050, 50))
    assert arrivals.arrived_ns(DATE_NS - 20 * MS) == 1000 * MS
    assert arrivals.arrived_ns(DATE_NS + 70 * MS) == 1050 * MS
    assert arrivals.arrived_ns(0) == 1000 * MS


def test_after_a_jump_of_the_calendar_everything_has_arrived_just_now_once() -> None:
    for wall_ms in (50 + 3_600_000, 50 - 3_600_000, 52):
        arrivals = reading((1000, 0), (1050, wall_ms))
        assert arrivals.arrived_ns(DATE_NS + 20 * MS) == 1050 * MS
        arrivals.begin(1100 * MS, DATE_NS + (wall_ms + 50) * MS, PATIENCE_NS)
        assert arrivals.arrived_ns(DATE_NS + (wall_ms + 30) * MS) == 1080 * MS


def test_after_a_long_pause_and_at_the_first_reading_everything_has_arrived_just_now() -> None:
    assert reading((1000, 0), (1101, 101)).arrived_ns(DATE_NS + 20 * MS) == 1101 * MS
    assert reading((1000, 0)).arrived_ns(DATE_NS - 20 * MS) == 1000 * MS
