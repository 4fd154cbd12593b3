"""Faults drawn from a seed befall the nodes of the cluster for a while: as promised, and in the end all is well.

Longer, or from another seed: `python -m tests.chaos --cluster --seconds 600 --seed 7`.
"""

from __future__ import annotations

import os

import pytest

from tests.chaos.cluster import ClusterChaos
from tests.e2e.conftest import BLUE, temporary_vip
from tests.e2e.support.lab import Lab
from tests.e2e.support.virtualips import http_of, prefer

SEED = int(os.environ.get("VIPKEEPER_CHAOS_SEED", "1"))
SECONDS = float(os.environ.get("VIPKEEPER_CHAOS_SECONDS", "60"))


@pytest.mark.timeout(int(SECONDS) + 400, func_only=True)
def test_faults_drawn_from_a_seed_befall_the_nodes_and_every_promise_is_kept(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    def tell(text: str) -> None:
        with capsys.disabled():
            print(f"  {text}", flush=True)

    spec = {"nodes": {"priorities": prefer(*lab.workers)}, "nginx": http_of(BLUE)}
    with temporary_vip(lab, spec) as vip:
        vip.wait_for("Ready")
        chaos = ClusterChaos(lab, vip, tell)
        found = chaos.run(SEED, SECONDS)
        tell(f"seed {SEED}: " + ", ".join(f"{name} {count}" for name, count in sorted(chaos.steps.items())))
        assert not found, "\n".join(found)
        assert chaos.steps
