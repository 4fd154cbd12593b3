"""A file is the old one or the new one, with the mode that was asked for."""

from pathlib import Path

import pytest

from vipkeeper.engine.durable import remove_durably, write_durably


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    write_durably(path, b"one")
    write_durably(path, b"two", 0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["file"]
    remove_durably(path)
    remove_durably(path)
    assert list(path.parent.iterdir()) == []


def test_what_a_write_that_was_cut_short_has_left_lends_no_mode(tmp_path: Path) -> None:
    left = tmp_path / ".secrets"
    left.write_bytes(b"half")
    left.chmod(0o666)
    write_durably(tmp_path / "secrets", b"whole", 0o600)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()  # can't be replaced by a file
    with pytest.raises(OSError, match="directory"):
        write_durably(path, b"two")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]
