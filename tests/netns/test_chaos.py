"""A short chaos: faults drawn from a fixed seed befall three hosts, and every kernel is watched (tests/chaos).

Longer ones: `make chaos`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import chaos
from tests.chaos.__main__ import real_time
from tests.chaos.faults import Timing

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nft")]

SEED, SECONDS = 1, 20
KEPT = Path(__file__).parents[2] / "build" / "chaos"


def test_faults_drawn_from_a_seed_never_make_more_owners_or_fewer_than_is_promised(tmp_path: Path) -> None:
    result = chaos.run(SEED, SECONDS, 3, Timing(100, real_time()), tmp_path, KEPT / f"seed-{SEED}")
    assert not result.violations, result
    assert result.steps
