"""Segments of network namespaces for tests on a real kernel."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.netns.lan import Lan
from tests.netns.macvlan import names
from tests.netns.speaker import Speaker


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


@pytest.fixture
def speakers(lan: Lan) -> Iterator[tuple[Speaker, Speaker]]:
    """Two that leave no macvlan."""
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    yield one, two
    for speaker in (one, two):
        if speaker.process is not None and speaker.process.poll() is None:
            assert speaker.stop() == 0
        assert names(speaker.host) == [], "no macvlan is left"
