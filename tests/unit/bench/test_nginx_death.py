"""tests/bench/nginx_death.py: what counts as a gap, and what the two ways of keepalived are told."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.bench.asker import ANSWERED, REFUSED, Request
from tests.bench.members import Wish
from tests.bench.nginx_death import (
    KeepalivedAsking,
    KeepalivedBeside,
    KeepalivedTracking,
    VipkeeperBeside,
    compile_connector,
    gap_ms,
)


def asked(*outcomes: tuple[int, str, float]) -> list[Request]:
    """From (sent in milliseconds, outcome, took)."""
    return [Request(sent * 1_000_000, outcome, took_ms) for sent, outcome, took_ms in outcomes]


def test_the_gap_is_the_longest_row_of_lost_requests() -> None:
    fine = (ANSWERED, 1.0)
    assert gap_ms(asked((0, *fine), (5, *fine))) == 0
    assert gap_ms(asked((0, *fine), (5, REFUSED, 0.1), (10, REFUSED, 0.1), (15, *fine), (20, REFUSED, 0.1))) == 10
    assert gap_ms(asked((0, *fine), (5, REFUSED, 0.1), (10, REFUSED, 0.1))) == 5


def test_an_answer_to_a_syn_that_was_lost_first_is_no_answer() -> None:
    assert gap_ms(asked((0, ANSWERED, 1.0), (5, ANSWERED, 1003.0), (10, ANSWERED, 1.0))) == 5


def host(folder: Path) -> Any:
    return SimpleNamespace(name="one", lan=SimpleNamespace(folder=folder), run=lambda *_words: "")


@pytest.mark.requires("keepalived")
@pytest.mark.parametrize("program", [KeepalivedTracking, KeepalivedAsking])
def test_keepalived_finds_no_fault(tmp_path: Path, program: type[KeepalivedBeside]) -> None:
    path = shutil.which("keepalived", path="/usr/sbin:/usr/bin")
    assert path is not None
    made = program(host(tmp_path), Wish(), {})
    configuration = made.folder / "keepalived.conf"
    configuration.write_text(configuration.read_text().replace("interface eth0", "interface lo"))
    command = [path, "--config-test", f"--use-file={configuration}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Unknown keyword" not in done.stdout + done.stderr
    assert "nginx" in configuration.read_text() or "serves" in configuration.read_text()


def test_vipkeeper_checks_nginx_as_it_does_by_default(tmp_path: Path) -> None:
    made = VipkeeperBeside(host(tmp_path), Wish(), {})
    assert "health:\n    http:\n    - port: 80\n" in (made.folder / "vip.yaml").read_text()


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_connector_compiles(tmp_path: Path) -> None:
    compile_connector(tmp_path / "connector.so")
    assert (tmp_path / "connector.so").exists()
