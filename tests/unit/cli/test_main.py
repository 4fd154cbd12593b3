"""The `vipkeeper` command, as a person calls it. The processes themselves have their own tests."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import vipkeeper
from vipkeeper.cli.main import app

COMMANDS = ("agent", "cleanup", "controller", "crds", "replay", "run", "speaker", "version")

runner = CliRunner()


def test_without_arguments_it_teaches() -> None:
    result = runner.invoke(app, [])
    assert all(command in result.output for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


@pytest.mark.parametrize("peer", ["lb2", "lb1=192.0.2.2"])
def test_a_wrong_peer_is_refused_before_anything_is_read(peer: str) -> None:
    result = runner.invoke(app, ["run", "-f", "missing.yaml", "--node", "lb1", "--peer", peer])
    assert result.exit_code == 2
    assert "--peer" in result.output


def test_version_is_that_of_the_package() -> None:
    assert runner.invoke(app, ["version"]).output.strip() == vipkeeper.__version__


def test_crds_are_written_once_and_then_found_up_to_date(tmp_path: Path) -> None:
    missing = runner.invoke(app, ["crds", "--output", str(tmp_path), "--check"])
    written = runner.invoke(app, ["crds", "--output", str(tmp_path)])
    checked = runner.invoke(app, ["crds", "--output", str(tmp_path), "--check"])
    assert missing.exit_code == 1
    assert "make crds" in missing.output
    assert written.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["virtualips.yaml", "vrrpspeakers.yaml"]
    assert (checked.exit_code, checked.output) == (0, "")


def test_a_changed_crd_is_named(tmp_path: Path) -> None:
    runner.invoke(app, ["crds", "--output", str(tmp_path)])
    (tmp_path / "virtualips.yaml").write_text("changed by hand\n")
    result = runner.invoke(app, ["crds", "--output", str(tmp_path), "--check"])
    assert result.exit_code == 1
    assert "virtualips.yaml" in result.output
    assert "vrrpspeakers.yaml" not in result.output


def test_speaker_becomes_the_guard_which_names_the_setting_that_is_missing() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "vipkeeper.cli", "speaker"],
        env={},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 2
    assert "NODE_NAME" in result.stderr


def test_the_command_loads_no_process_before_it_is_asked() -> None:
    code = "import sys, vipkeeper.cli.main; print([m for m in ('kubernetes', 'kopf', 'pydantic', 'pyroute2') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
