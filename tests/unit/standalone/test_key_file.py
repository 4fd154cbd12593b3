"""operator/vipkeeper/standalone/key_file.py"""

from __future__ import annotations

from pathlib import Path

from vipkeeper.standalone.key_file import key_file_problems
from vipkeeper.standalone.options import Options


def problems(path: Path | None) -> list[str]:
    options = Options(("vip.yaml",), "one", Path("/run/vipkeeper"), key_file=path)
    return [str(problem) for problem in key_file_problems(options)]


def test_without_a_key_file_there_is_nothing_wrong_with_it() -> None:
    assert problems(None) == []


def test_what_can_not_serve_is_told_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert problems(path) == [f"--key-file {path}: No such file or directory"]
    path.write_text("short")
    assert problems(path) == [f"--key-file {path}: line 1 has 5 bytes, not 16 to 64"]
    path.write_text("a key for the tests only\n")
    assert problems(path) == []
