"""Two machines of the segment outside of the cluster, with a web server and a "database" each (outside.py)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.cluster import Cluster
from tests.cluster.network import Address
from tests.cluster.paths import ROOT
from tests.e2e.support.examples import OUTSIDE


@contextmanager
def machines(cluster: Cluster) -> Iterator[dict[str, Address]]:
    """Their addresses by the name that they answer with: in examples/, their address."""
    program = [sys.executable, "-m", "tests.e2e.support.outside"]
    with ExitStack() as stack:
        addresses: dict[str, Address] = {}
        for index, name in enumerate(OUTSIDE):
            machine = cluster.client(f"outside{index}")
            stack.callback(cluster.remove_client, machine.name)
            command = [*machine.prefix, *program, name]
            server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
            stack.callback(server.kill)
            assert server.stdout is not None
            assert server.stdout.readline() == "listening\n"
            addresses[name] = machine.ipv4
        yield addresses
