"""Knobs: set, read back, and reported by name and value."""

from pathlib import Path

import pytest

from vipkeeper.sysctl import NONLOCAL_BIND, ensure


def tree(root: Path, value: str = "0\n") -> Path:
    for knob in NONLOCAL_BIND:
        (root / knob).parent.mkdir(parents=True, exist_ok=True)
        (root / knob).write_text(value)
    return root


def test_both_families_are_set(tmp_path: Path) -> None:
    assert ensure(tree(tmp_path), NONLOCAL_BIND) == []
    assert [(tmp_path / knob).read_text() for knob in NONLOCAL_BIND] == ["1", "1"]


def test_what_holds_already_is_not_written(tmp_path: Path) -> None:
    tree(tmp_path, "1\n")
    before = [(tmp_path / knob).stat().st_mtime_ns for knob in NONLOCAL_BIND]
    assert ensure(tmp_path, NONLOCAL_BIND) == []
    assert [(tmp_path / knob).stat().st_mtime_ns for knob in NONLOCAL_BIND] == before


def test_a_kernel_without_a_knob_is_reported_and_the_others_are_set(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "ipv6/ip_nonlocal_bind").unlink()
    assert ensure(tmp_path, NONLOCAL_BIND) == ["net.ipv6.ip_nonlocal_bind shall be 1: this kernel does not have it"]
    assert (tmp_path / "ipv4/ip_nonlocal_bind").read_text() == "1"


def test_a_value_that_does_not_stick_is_reported_with_what_is_there(tmp_path: Path) -> None:
    fifo = tmp_path / "ipv4"
    fifo.mkdir()
    (fifo / "knob").symlink_to("/proc/self/comm")  # takes a write, cuts it to 15 characters
    value = "a-value-that-is-too-long"
    try:
        (problem,) = ensure(tmp_path, {"ipv4/knob": value})
    finally:
        Path("/proc/self/comm").write_text("pytest")
    assert problem == f"net.ipv4.knob shall be {value}: was written, and is {value[:15]}"


def test_a_knob_that_can_not_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ipv4").mkdir()
    (tmp_path / "ipv4/knob").symlink_to("/proc/self/status")
    (problem,) = ensure(tmp_path, {"ipv4/knob": "1"})
    assert problem.startswith("net.ipv4.knob shall be 1: can't be written (")


@pytest.mark.parametrize("root", ["/does/not/exist", "/proc/self/status"])
def test_a_root_that_is_none_is_a_problem_of_each_knob(root: str) -> None:
    assert len(ensure(Path(root), NONLOCAL_BIND)) == 2
