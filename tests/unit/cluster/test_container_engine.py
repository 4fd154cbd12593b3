"""The engine's files are there before every use, and no run disturbs another that is using them."""

from pathlib import Path

from tests.cluster.container_engine import environment
from tests.cluster.paths import Paths


def test_files_that_are_right_are_not_written_again(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "cache", tmp_path / "run")
    env = environment(paths)
    files = [paths.store / name for name in ("runc-wrapper", "containers.conf", "storage.conf")]
    before = [file.stat() for file in files]
    assert environment(paths)["CONTAINERS_CONF"] == env["CONTAINERS_CONF"]
    assert [file.stat().st_ino for file in files] == [stat.st_ino for stat in before]
    assert [file.stat().st_mtime_ns for file in files] == [stat.st_mtime_ns for stat in before]
    assert before[0].st_mode & 0o111


def test_our_store_is_not_the_machines(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "cache", tmp_path / "run")
    environment(paths)
    assert str(paths.store) in (paths.store / "storage.conf").read_text()
    assert str(paths.run) in (paths.store / "containers.conf").read_text()
