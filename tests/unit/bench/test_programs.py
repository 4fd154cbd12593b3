"""keepalived's configuration, as keepalived itself takes it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bench.programs import Keepalived, Router, keepalived_conf


@pytest.mark.requires("keepalived")
def test_keepalived_finds_no_fault(tmp_path: Path) -> None:
    program = shutil.which("keepalived", path="/usr/sbin:/usr/bin")
    assert program is not None
    routers = [Router(1, "192.0.2.100"), Router(2, "192.0.2.101")]
    path = tmp_path / "keepalived.conf"
    path.write_text(keepalived_conf(routers, 10, 200, Keepalived.options).replace("interface eth0", "interface lo"))
    done = subprocess.run([program, "--config-test", f"--use-file={path}"], capture_output=True, text=True, check=False)
    assert "Unknown keyword" not in done.stdout + done.stderr
    assert path.read_text().count("advert_int 0.1") == 2
