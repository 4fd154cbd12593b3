"""vipkeeper as it was before: the sources of an earlier commit, for speakers of that version beside those of this one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

FIRST_LIGHT = "826433a"
"""The commit that closed the first light: engine, agent, operator and chart, document formats 1 and 2."""
ROOT = Path(__file__).parents[2]


def first_light(folder: Path) -> Path:
    """PYTHONPATH of that version. Skips the test where this checkout does not reach back so far."""
    if _git("cat-file", "-e", f"{FIRST_LIGHT}^{{commit}}").returncode:
        pytest.skip("history back to the first light")
    archive = _git("archive", FIRST_LIGHT, "operator")
    assert archive.returncode == 0, archive.stderr
    folder.mkdir(exist_ok=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder / "operator"


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
