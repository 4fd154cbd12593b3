"""operator/vipkeeper/engine/damper.py"""

from __future__ import annotations

import time

import pytest

from vipkeeper.engine.damper import COUNTED, NOT_YET, Damper, damping_of
from vipkeeper.engine.loop import Loop
from vipkeeper.health.damping import Damping
from vipkeeper.ipc.messages import HealthSource

ILL = frozenset({"NginxGone"})
WELL: frozenset[str] = frozenset()


class Kept:
    def __init__(self, known: Damping = NOT_YET) -> None:
        self.loop = Loop()
        self.damping: list[Damping] = []
        self.over = 0
        self.damper = Damper(self.loop, "web", known, self.damping.append, self._over)

    def _over(self) -> None:
        self.over += 1
        self.loop.stop()


def test_three_failures_hold_back_which_is_said_once_and_kept(capfd: pytest.CaptureFixture[str]) -> None:
    kept = Kept()
    told = [kept.damper.judge(ailments) for ailments in (ILL, WELL) * 7]
    assert told == [False] * 9 + [True, False, True, False, True]
    assert len(kept.damping) == 14
    assert capfd.readouterr().err.count("health flaps; held back vip=web failures=3 for_s=") == 1
    assert 55_000 < kept.damper.left_ms <= 60_000


def test_when_it_is_over_somebody_is_called() -> None:
    now_ns = time.monotonic_ns()
    kept = Kept(Damping(3, now_ns, until_ns=now_ns + 50_000_000))
    assert kept.damper.judge(WELL)
    kept.loop.run()
    assert kept.over == 1
    assert not kept.damper.judge(WELL)
    assert kept.damper.left_ms == 0


def test_what_is_no_failure_is_not_counted() -> None:
    kept = Kept()
    for _ in range(9):
        assert not kept.damper.judge(frozenset({HealthSource.UNCHECKED.value}))
        assert not kept.damper.judge(WELL)
    assert kept.damping == []
    assert HealthSource.UNCHECKED.value not in COUNTED


def test_the_next_engine_goes_on_where_this_one_was() -> None:
    kept = Kept()
    for ailments in (ILL, WELL) * 5:
        kept.damper.judge(ailments)
    assert Kept(damping_of({"uid": kept.damping[-1]}, "uid")).damper.judge(WELL)
    assert not Kept(damping_of({"uid": kept.damping[-1]}, "another")).damper.judge(WELL)
