"""All ways between two sides are blocked, and the API server hears both: two owners, told as such, until it is healed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.conftest import Figure, MakeVip
from tests.e2e.support import kube
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import BUSY_MS
from tests.e2e.support.virtualips import Vip, prefer
from tests.e2e.support.waiting import wait_until

ONE_OWNER_MS = 1000.0 + BUSY_MS
"""From the healing on."""
NOTICED_S = 60


@contextmanager
def parted(lab: Lab) -> Iterator[None]:
    """The first worker on one side, the others on the other."""
    first, *others = lab.workers
    lab.cluster.partition([first], others)
    try:
        yield
    finally:
        lab.cluster.mend()


def events_of(lab: Lab, vip: Vip) -> dict[str, str]:
    """Messages by reason."""
    found = kube.items(lab.cluster, "events", "-n", "default", "--field-selector", f"involvedObject.name={vip.name}")
    return {str(item["reason"]): str(item["message"]) for item in found}


def test_two_owners_are_told_and_one_is_left_within_a_second_of_healing(lab: Lab, vip: MakeVip, figure: Figure) -> None:
    first, second, _third = lab.workers
    web = vip({"vrid": 108, "nodes": {"priorities": prefer(*lab.workers)}})
    web.wait_for("Ready")
    lab.settle(web, first, http_port=None)
    with parted(lab):
        lab.owners.wait_for(web.address, [first, second], 15)
        wait_until("it is told", lambda: web.condition("SplitBrain").get("status") == "True", NOTICED_S)
        said = web.condition("SplitBrain")["message"]
        assert first in said, said
        assert second in said, said
    healed_ns = time.monotonic_ns()
    lab.owners.wait_for(web.address, [first], 15)
    figure("parted segment healed: until one owner", (time.monotonic_ns() - healed_ns) / 1e6, ONE_OWNER_MS)
    wait_until("the condition goes", lambda: not web.condition("SplitBrain"), NOTICED_S)
    wait_until("its end is told", lambda: "SplitBrainHealed" in events_of(lab, web), NOTICED_S)
    assert events_of(lab, web)["SplitBrainHealed"].startswith("after "), "with its duration"
