"""What another pod has left in the state folder: its VirtualIPs may have been deleted since (P12 against P13).

A pod that only restarts, with the API server away, runs its own documents at once; those of a pod before it wait for
the agent's word, and are run when nobody comes.
"""

from __future__ import annotations

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document, edited

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
OTHER = "192.0.2.101"


def left_by(lan: Lan, pod: str) -> Speaker:
    """A speaker that ran two documents in that pod, and has been stopped."""
    one = Speaker(lan.host("one"))
    one.environment["POD_NAME"] = pod
    one.start()
    one.apply(document({"one": 200}, VIP), document({"one": 200}, OTHER, name="other", vrid=52))
    one.wait_until("Active")
    one.wait_until("Active", "other")
    one.synced("web", "other")
    wait_for("both are kept", lambda: set(one.stored()) == {"web", "other"})
    wait_for("the pod is noted", lambda: (one.state_dir / "documents" / "pod").exists())
    assert one.stop() == 0
    one.leave_agent()
    return one


def test_the_same_pod_runs_its_documents_again_at_once_and_alone(lan: Lan) -> None:
    one = left_by(lan, "speaker-a")
    one.start()
    wait_for("the address is back", lambda: one.host.has(VIP), 8)
    assert "wait for the agent" not in one.log()


def test_another_pod_waits_and_never_holds_what_was_deleted_meanwhile(lan: Lan) -> None:
    one = left_by(lan, "speaker-a")
    one.environment["POD_NAME"] = "speaker-b"
    one.start()
    stays("no address", lambda: lan.owners(VIP) == [] and lan.owners(OTHER) == [], 3)
    one.apply(edited(document({"one": 200}, VIP)))
    one.synced("web")
    one.wait_until("Active")
    wait_for("the deleted one is forgotten", lambda: one.stored() == {"web": 2})
    assert lan.owners(OTHER) == []
    active = [line for line in one.log().splitlines() if "vip=other" in line and "state=active" in line]
    assert len(active) == 1, "only in the life of the pod before"
    wait_for("the new pod is noted", lambda: (one.state_dir / "documents" / "pod").read_text() == "speaker-b")


def test_another_pod_runs_what_it_found_when_nobody_comes(lan: Lan) -> None:
    one = left_by(lan, "speaker-a")
    one.environment["POD_NAME"] = "speaker-b"
    one.start()
    wait_for("the address is back", lambda: one.host.has(VIP) and one.host.has(OTHER), 30)
    assert "a document of another pod is run" in one.log()


def test_an_engine_that_dies_while_it_waits_is_followed_by_one_that_waits(lan: Lan) -> None:
    one = left_by(lan, "speaker-a")
    one.environment["POD_NAME"] = "speaker-b"
    one.start()
    one.wait_for_another_engine(one.kill_engine())
    one.synced()
    wait_for("both are forgotten", lambda: one.stored() == {})
    assert lan.owners(VIP) == []
