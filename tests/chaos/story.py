"""What was done, told as it happens; and what is kept of a run that went wrong."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path


class Story:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._begun = time.monotonic()
        self.lines: list[str] = []

    def add(self, text: str) -> None:
        line = f"{time.monotonic() - self._begun:8.3f}  {text}"
        self.lines.append(line)
        self._tell(line)

    def keep(self, folder: Path, files: Iterable[Path]) -> None:
        """The story and copies of `files`, named after the folders they were in."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "story.txt").write_text("\n".join([*self.lines, ""]))
        for file in files:
            owner = file.parents[1].name if file.parent.name == "journal" else ""
            shutil.copyfile(file, folder / "-".join(filter(None, (owner, file.name))))
