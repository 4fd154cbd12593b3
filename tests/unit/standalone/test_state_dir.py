"""operator/vipkeeper/standalone/state_dir.py"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from vipkeeper.standalone import state_dir as module
from vipkeeper.standalone.state_dir import CannotStart, StateDir


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run"


def taken(path: Path) -> StateDir:
    folder = StateDir(path)
    folder.take(lambda _text: None)
    return folder


def test_it_is_made_and_nothing_but_an_empty_folder_stays(path: Path) -> None:
    folder = taken(path)
    assert folder.documents.is_dir()
    assert folder.path.stat().st_mode & 0o007 == 0
    folder.leave()
    assert list(path.iterdir()) == []


def test_documents_of_a_run_before_do_not_come_back(path: Path) -> None:
    (path / "documents").mkdir(parents=True)
    (path / "documents/old.json").write_text("{}")
    folder = taken(path)
    assert list(folder.documents.iterdir()) == []
    folder.leave()


def test_one_run_has_it_at_a_time(path: Path) -> None:
    first = taken(path)
    with pytest.raises(CannotStart, match="another `vipkeeper run` uses it"):
        taken(path)
    first.leave()
    taken(path).leave()


def lock_of_a_child(path: Path) -> int:
    (path / "documents").mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path / "documents", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def test_it_waits_for_children_of_the_run_before_and_says_so_once(path: Path) -> None:
    child = lock_of_a_child(path)
    notes: list[str] = []
    noted = threading.Event()

    def note(text: str) -> None:
        notes.append(text)
        noted.set()

    folder = StateDir(path)
    waiting = threading.Thread(target=folder.take, args=(note,))
    waiting.start()
    assert noted.wait(10)
    assert waiting.is_alive()
    os.close(child)
    waiting.join(10)
    assert not waiting.is_alive()
    assert len(notes) == 1
    folder.leave()


def test_it_does_not_wait_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = lock_of_a_child(path)
    monkeypatch.setattr(module, "CHILDREN_MAY_TAKE_S", 0.05)
    with pytest.raises(CannotStart, match="processes of the run before do not end"):
        taken(path)
    os.close(child)


def test_children_inherit_their_lock_and_not_ours(path: Path) -> None:
    folder = taken(path)
    locks = {link.resolve(): int(link.name) for link in Path("/proc/self/fd").iterdir()}
    assert os.get_inheritable(locks[folder.documents])
    assert not os.get_inheritable(locks[folder.path])
    folder.leave()


def test_a_folder_that_cannot_be_is_told(path: Path) -> None:
    path.write_text("a file")
    with pytest.raises(CannotStart, match="File exists"):
        taken(path)
    with pytest.raises(CannotStart, match="too long a path"):
        taken(path.parent / ("x" * 100))
