"""What `vipkeeper run` was told on its command line."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Options:
    files: tuple[str, ...]
    """Paths, as they were written; "-" is standard input."""
    node: str
    """Name of this host in `nodes.priorities`."""
    state_dir: Path
    """Sockets, locks and the documents that run. One run for each."""

    @property
    def placement(self) -> str:
        """Tells the engines of one network namespace apart (their abstract sockets are named by it)."""
        return f"run-{hashlib.sha256(str(self.state_dir).encode()).hexdigest()[:8]}"

    def uid_of(self, name: str) -> str:
        """Of the VirtualIP of that name: the same after a restart, another in another run."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"vipkeeper:{self.state_dir}:{name}"))
