"""Journals are whole, few, and no reason to stop."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import vipkeeper
from tests.unit.journal.samples import Driven
from vipkeeper.engine.journal_writer import CRASH, KEPT, JournalWriter, write_journal
from vipkeeper.engine.settings import read_settings
from vipkeeper.journal.file import JournalFile, read
from vipkeeper.vrrp.events import Startup

SETTINGS = read_settings(
    {"NODE_NAME": "one", "VIPKEEPER_PLACEMENT": "default", "VIPKEEPER_RUN_DIR": "/run", "VIPKEEPER_STATE_DIR": "/"}
)


def written(folder: Path, driven: Driven, tell: Any, why: str) -> JournalFile:
    """What the child leaves there."""
    child = JournalWriter(replace(SETTINGS, state_dir=folder), driven.journal, tell).write(why)
    os.waitpid(child, 0)
    (path,) = (folder / "journal").iterdir()
    return read(path.read_bytes(), vipkeeper.__version__)


def test_a_journal_says_whose_it_is_and_how_things_stand(tmp_path: Path) -> None:
    driven = Driven()
    driven.tell(Startup(), 0)
    journal = written(tmp_path, driven, lambda: [{"status": {"name": "web"}}], "SIGUSR1")
    assert [journal.header[name] for name in ("node", "placement", "why")] == ["one", "default", "SIGUSR1"]
    assert "traceback" not in journal.header
    assert journal.statuses == [{"name": "web"}]
    assert [router.label for router in journal.routers] == ["web"]
    assert driven.track.all_blocks()[0].records, "the engine goes on writing where it was"


def test_an_engine_that_is_too_broken_to_tell_how_it_is_leaves_its_history(tmp_path: Path) -> None:
    def tell() -> Iterable[dict[str, Any]]:
        yield {"status": {"name": "web"}}
        raise KeyError("the other one")

    driven = Driven()
    driven.tell(Startup(), 0)
    try:
        raise ZeroDivisionError("the first failure")
    except ZeroDivisionError:
        journal = written(tmp_path, driven, tell, CRASH)
    assert "ZeroDivisionError: the first failure" in journal.header["traceback"]
    assert journal.header["silent"] == "KeyError: 'the other one'"
    assert [len(router.blocks[0].records) for router in journal.routers] == [1]


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
