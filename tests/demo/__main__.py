"""`python -m tests.demo`: plays it; a problem is one clear message, Ctrl-C leaves everything in order."""

from __future__ import annotations

import sys

from tests.cluster import Cluster, ClusterError
from tests.demo.play import play
from tests.demo.screen import Screen


def main() -> int:
    screen, cluster = Screen(), Cluster()
    try:
        play(screen, cluster)
    except KeyboardInterrupt:
        screen.trouble("stopped by Ctrl-C")
        _tidy(screen, cluster)
        return 130
    except (ClusterError, TimeoutError, AssertionError) as problem:
        screen.trouble(str(problem))
        _tidy(screen, cluster)
        screen.note(f"logs of what was built: {cluster.paths.logs}; `make demo-down` removes everything")
        return 1
    return 0


def _tidy(screen: Screen, cluster: Cluster) -> None:
    """Nodes back on the network; a cluster that was half made has removed itself."""
    if cluster.is_up():
        cluster.heal_all()
        screen.note("the cluster runs on, all nodes on the network; `make demo-down` removes it")


if __name__ == "__main__":
    sys.exit(main())
