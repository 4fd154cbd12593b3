"""Segments of network namespaces for tests on a real kernel."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.lan import Lan


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with Lan(tmp_path) as segment:
        yield segment


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that other users can read: not below pytest's own, which it closes to them, also while other runs use it."""
    with tempfile.TemporaryDirectory(prefix="vk") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
