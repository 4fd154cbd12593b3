"""tests/chaos/summary.py"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.summary import BEGIN, END, PLANS, plan, put_into, table


def test_a_long_run_is_shared_by_all_sizes_and_intervals_with_a_seed_each() -> None:
    runs = plan(700, 30)
    assert [(run.nodes, run.interval_ms) for run in runs] == PLANS
    assert [run.seed for run in runs] == list(range(700, 700 + len(PLANS)))
    assert sum(run.seconds for run in runs) == pytest.approx(1800, abs=1)


def test_the_table_counts_steps_and_names_what_was_broken() -> None:
    first, second, *_ = plan(7, 30)
    done = [
        replace(first, steps=Counter(LOSS=2, MUTE=1)),
        replace(second, steps=Counter(LOSS=1), violations=("no owner for 400 ms",)),
    ]
    text = table(done, "2026-01-02", "commit abc")
    assert text.startswith("2026-01-02, commit abc: 7 minutes, 4 steps, 1 violations.")
    assert "| 7 | 3 | 100 ms | 200 | 3 | none |" in text
    assert "| 8 | 4 | 100 ms | 200 | 1 | no owner for 400 ms |" in text
    assert "| LOSS | 3 |" in text


def test_it_stands_between_the_marks_and_replaces_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "chaos.md"
    file.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    put_into(file, "one")
    put_into(file, "two")
    assert file.read_text() == f"before\n{BEGIN}\ntwo\n{END}\nafter\n"
    file.write_text("nothing")
    with pytest.raises(ValueError, match="has no"):
        put_into(file, "one")
