"""The story that each neighbour has to live through with us; test_keepalived.py and test_frr.py call it.

All virtual routers at once, because most of the time goes by in waiting for version 2.
"""

from __future__ import annotations

from functools import partial

from tests.netns.lan import Lan, wait_for
from tests.netns.mixed_pair import Contest, Start, contests, ownership
from tests.netns.speaker import Speaker

ALL_KINDS = [
    *contests(version=3, interval_cs=25, first_vrid=1),
    *contests(version=3, interval_cs=25, first_vrid=3, ipv6=True),
    *contests(version=2, interval_cs=100, first_vrid=5),
]


def hand_to_and_fro(lan: Lan, start: Start) -> None:
    """Preemption, silence, failback, priority 0: of each side in turn."""
    one, other, client = lan.host("one"), lan.host("other"), lan.host("client")
    ours = Speaker(one).start()
    routers = [contest.theirs for contest in ALL_KINDS]
    with ownership(lan, ALL_KINDS) as pair:
        neighbours = [start(other, routers)]
        pair.step("the neighbour is alone", lambda: None, "other", none_ms=lambda _contest: 20_000)
        pair.step("we join", lambda: ours.apply(*(c.ours() for c in ALL_KINDS)), _winner)
        for contest in ALL_KINDS:
            ours.wait_until("Active" if contest.winner == "one" else "Backup", contest.name)
            wait_for(f"{contest.address} answers", partial(client.answers, contest.address))
        pair.step("we are cut off", one.cut, "other", none_ms=Contest.down_ms, away=["one"])
        pair.step("we come back", one.heal, _winner)
        pair.step("the neighbour is cut off", other.cut, "one", none_ms=Contest.down_ms, away=["other"])
        pair.step("the neighbour comes back", other.heal, _winner)
        pair.step("the neighbour leaves", neighbours[0].stop, "one", none_ms=Contest.skew_ms)
        for contest in ALL_KINDS:
            status = ours.wait_until("Active", contest.name)
            assert contest.winner == "one" or status.reason == "PriorityZero"
        pair.step("the neighbour returns", lambda: neighbours.append(start(other, routers)), _winner)
        pair.step("we leave", lambda: ours.stop(), "other", none_ms=Contest.skew_ms)
        neighbours[-1].stop()


def _winner(contest: Contest) -> str:
    return contest.winner
