"""What the two programs are told, as they take it themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.members import Wish, keepalived_conf, vip_yaml
from tests.bench.programs import Keepalived
from tests.netns.standalone import write

WISHES = [
    Wish(),
    Wish(interval_cs=1, family=6, virtual_mac=True),
    Wish(interval_cs=100, checked=True),
]


@pytest.mark.requires("keepalived")
@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_keepalived_finds_no_fault(tmp_path: Path, wish: Wish) -> None:
    program = shutil.which("keepalived", path="/usr/sbin:/usr/bin")
    assert program is not None
    script = tmp_path / "check"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    path = tmp_path / "keepalived.conf"
    path.write_text(keepalived_conf(wish, 200, Keepalived.options, script).replace("interface eth0", "interface lo"))
    done = subprocess.run([program, "--config-test", f"--use-file={path}"], capture_output=True, text=True, check=False)
    assert "Unknown keyword" not in done.stdout + done.stderr
    assert path.read_text().count("advert_int") == 1


@pytest.mark.parametrize("wish", WISHES, ids=str)
def test_vipkeeper_finds_no_fault(tmp_path: Path, wish: Wish) -> None:
    file = write(tmp_path / "vip.yaml", vip_yaml(wish, 200))
    command = [sys.executable, "-m", "vipkeeper.cli", "run", "-f", str(file), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"an advertisement each {wish.interval_cs * 10} ms" in done.stdout
