"""How long a lease is. (The leases themselves: tests/netns/test_kills.py, test_documents.py, test_interfaces.py.)"""

import pytest

from vipkeeper.engine.addresses import lease_s


@pytest.mark.parametrize(
    ("interval_cs", "real_time", "expected"),
    [
        (1, True, 1),
        (25, True, 1),
        (33, True, 1),
        (34, True, 2),
        (100, True, 3),
        (4095, True, 123),
        (25, False, 2),
        (100, False, 3),
    ],
)
def test_a_lease_is_three_intervals_in_whole_seconds_and_two_seconds_without_real_time(
    interval_cs: int, real_time: bool, expected: int
) -> None:
    assert lease_s(interval_cs, real_time) == expected
