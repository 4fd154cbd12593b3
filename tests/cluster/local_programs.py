"""For tests that need a program of Kubernetes and no cluster: helm to render the chart, an API server of their own."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cluster import programs, provider
from tests.cluster.paths import Paths
from tests.cluster.progress import Progress


def local_programs() -> programs.Programs | None:
    """Those that are built on this machine, now if need be (minutes, once). None: another provider brings its own."""
    paths = Paths.from_environment(os.environ, Path.home())
    return programs.ensure(paths, Progress(paths.logs)) if provider.detect(os.environ, print) == "local" else None
