"""Files that survive a power cut: written aside, synced, renamed. There is the old one or the new one, never half of one."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Raises OSError; the file that was there before is there still."""
    aside = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)  # with another mode, from a write that was cut short
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        _sync(path.parent)
    except OSError:
        remove_quietly(aside)
        raise


def remove_durably(path: Path) -> None:
    """Raises OSError. One that is not there is no error."""
    path.unlink(missing_ok=True)
    _sync(path.parent)


def remove_quietly(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        pass


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
