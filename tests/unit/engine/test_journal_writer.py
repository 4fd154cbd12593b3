"""Journals are whole, few, and no reason to stop."""

from pathlib import Path

import pytest

from vipkeeper.engine.journal_writer import KEPT, write_journal


def test_the_newest_stay_and_none_is_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    for second in range(KEPT + 4):
        assert write_journal(folder, f"2026-01-02T03:04:{second:02}Z", "SIGUSR1", iter([b"a line\n", b"another\n"]))
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == KEPT
    assert names[0].startswith("2026-01-02T030404Z-")
    assert names[-1].endswith("-SIGUSR1.journal")
    assert (folder / names[-1]).read_bytes() == b"a line\nanother\n"


def test_a_folder_that_takes_nothing_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "journal").write_text("in the way")
    assert not write_journal(tmp_path / "journal", "2026-01-02T03:04:05Z", "crash", iter([]))
    assert "the journal can't be written" in capfd.readouterr().err
