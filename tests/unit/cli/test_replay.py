"""`vipkeeper replay`, as a person calls it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.journal.test_replay import takeover
from vipkeeper.cli.main import app
from vipkeeper.vrrp.router import VirtualRouter

runner = CliRunner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.journal"
    path.write_bytes(takeover().text())
    return path


def test_it_tells_what_happened_and_that_the_core_does_the_same(file: Path) -> None:
    result = runner.invoke(app, ["replay", str(file)])
    assert result.exit_code == 0
    assert "Backup => Active (NoResponse)" in result.output
    assert "no difference: 1 routers, 9 events" in result.output


def test_the_timeline_may_be_left_out_or_limited(file: Path) -> None:
    assert "=>" not in runner.invoke(app, ["replay", str(file), "--no-timeline"]).output
    assert "=>" not in runner.invoke(app, ["replay", str(file), "--router", "other"]).output


def test_a_difference_is_shown_and_ends_with_1(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VirtualRouter, "_take_over", lambda _self, _now_ns: None)
    result = runner.invoke(app, ["replay", str(file), "--no-timeline"])
    assert result.exit_code == 1
    assert "first difference of web: line 7, 2026-01-02 03:04:13" in result.output
    for word in ("event     TimerFired()", "recorded  SendAdvert(priority=100)", "replayed  nothing"):
        assert word in result.output


def test_garbage_is_refused_with_2_and_its_line(tmp_path: Path) -> None:
    garbage = tmp_path / "vip.yaml"
    garbage.write_text("apiVersion: vipkeeper.dev/v1alpha1\n")
    result = runner.invoke(app, ["replay", str(garbage)])
    assert result.exit_code == 2
    assert f"{garbage}: line 1: is not JSON" in result.output
    assert runner.invoke(app, ["replay", str(tmp_path / "missing")]).exit_code == 2


def test_another_version_is_said(file: Path) -> None:
    file.write_text(file.read_text().replace('"version":"0.1.0"', '"version":"9.9"'))
    assert "written by vipkeeper 9.9" in runner.invoke(app, ["replay", str(file), "--no-timeline"]).output


def test_standard_input_is_read_as_well(file: Path) -> None:
    result = runner.invoke(app, ["replay", "-", "--no-timeline"], input=file.read_bytes())
    assert result.exit_code == 0
