"""The story that each neighbour has to live through with us; test_keepalived.py and test_frr.py call it.

All virtual routers at once, because most of the time goes by in waiting for version 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from tests.netns.lan import Lan, wait_for
from tests.netns.mixed_pair import ABOVE, BELOW, IPV4, IPV6, VERSION_2, Contest, Start, contest, ownership
from tests.netns.speaker import Speaker
from vipkeeper.ipc.messages import Secrets

KINDS = (IPV4, IPV6, VERSION_2)
IN_AGREEMENT = [
    contest(number, kind, priority)
    for number, (kind, priority) in enumerate([(k, p) for k in KINDS for p in (ABOVE, BELOW)], start=1)
]
WITHOUT_PREEMPT = [
    contest(11, IPV4, ABOVE, preempt=False),
    contest(12, IPV4, BELOW, preempt=False),
    contest(13, IPV6, ABOVE, preempt=False),
    contest(14, IPV6, BELOW, preempt=False),
]
OTHER_LISTS_ABOVE = [contest(20 + number, kind, ABOVE, other_list=True) for number, kind in enumerate(KINDS)]
OTHER_LISTS_BELOW = [contest(25 + number, kind, BELOW, other_list=True) for number, kind in enumerate(KINDS)]
CHECKSUM_OF_THE_RFC_ABOVE = [contest(30, IPV4, ABOVE, checksum="MessageOnly")]
"""Neither keepalived 2.2.7 nor FRR 8.4 takes our adverts then, so it must be above us."""
WITH_VIRTUAL_MAC = [
    replace(contest(31 + number, kind, priority), virtual_mac=True)
    for number, (kind, priority) in enumerate([(k, p) for k in (IPV4, IPV6) for p in (ABOVE, BELOW)])
]
"""One MAC address on both sides."""


def hand_to_and_fro(lan: Lan, start: Start, contests: Sequence[Contest]) -> Speaker:
    """Preemption, silence, failback, priority 0: of each side in turn. Returns our speaker, for its log."""
    one, other, client = lan.host("one"), lan.host("other"), lan.host("client")
    ours = Speaker(one).start()
    routers = [item.theirs for item in contests]
    capture = lan.capture("vrrp or ip6 proto 112")
    with ownership(lan, contests, ours.log) as pair:
        neighbours = [start(other, routers)]
        ours.agent.send(Secrets({item.name: item.password.encode() for item in contests if item.password}))
        pair.step("the neighbour is alone", lambda: None, _neighbour, none_ms=lambda _contest: 20_000)
        pair.step("we join", lambda: ours.apply(*(c.ours() for c in contests)), lambda c: c.winner_over("other"))
        for item in contests:
            ours.wait_until("Active" if item.winner_over("other") == "one" else "Backup", item.name)
            wait_for(f"{item.address} answers", partial(client.answers, item.address))
            _assert_mac(item, client.neighbour_mac(item.address), one.mac)
        pair.step("we are cut off", one.cut, _neighbour, none_ms=Contest.down_ms, away=["one"])
        for item in contests:
            ours.wait_until("Active", item.name)
        pair.step("we come back", one.heal, _winner)
        pair.step("the neighbour is cut off", other.cut, _ours, none_ms=Contest.down_ms, away=["other"])
        pair.step("the neighbour comes back", other.heal, _winner)
        pair.step("the neighbour leaves", neighbours[0].stop, _ours, none_ms=Contest.skew_ms)
        for item in contests:
            status = ours.wait_until("Active", item.name)
            assert item.winner == "one" or status.reason == "PriorityZero"
        pair.step(
            "the neighbour returns", lambda: neighbours.append(start(other, routers)), lambda c: c.winner_over("one")
        )
        pair.step("we leave", lambda: ours.stop(), _neighbour, none_ms=Contest.skew_ms)
        neighbours[-1].stop()
    _assert_tcpdump_agrees(capture.lines(), contests)
    return ours


def _assert_mac(item: Contest, seen: str, ours: str) -> None:
    """`seen` by a client, once we have joined."""
    if item.virtual_mac:
        assert seen == _virtual_mac(item), item
    else:
        assert (seen == ours) == (item.winner_over("other") == "one"), item


def _virtual_mac(item: Contest) -> str:
    return f"00:00:5e:00:0{2 if item.theirs.is_ipv6 else 1}:{item.theirs.vrid:02x}"


def _assert_tcpdump_agrees(lines: Sequence[str], contests: Sequence[Contest]) -> None:
    """It saw adverts of every kind and found no fault, but with the checksum that it does not know."""
    for item in contests:
        said = [line for line in lines if f"vrid {item.theirs.vrid}," in line]
        macs = {line.split()[1] for line in said}
        if item.virtual_mac:  # but for the last word of a loser, which has our own
            assert _virtual_mac(item) in macs, f"{item}: {macs}"
        else:
            assert len(macs) == 2, f"{item} was heard from one side only"
        faults = {line.split()[1] for line in said if "bad vrrp cksum" in line}
        assert len(faults) == (item.our_checksum == "MessageOnly"), f"{item}: {faults}"


def join_and_take_over(lan: Lan, start: Start, contests: Sequence[Contest]) -> Speaker:
    """The part of the story in which the two are never Active at once: for neighbours above us that drop our adverts."""
    ours = Speaker(lan.host("one")).start()
    other = lan.host("other")
    routers = [item.theirs for item in contests]
    with ownership(lan, contests, ours.log) as pair:
        neighbours = [start(other, routers)]
        pair.step("the neighbour is alone", lambda: None, _neighbour, none_ms=lambda _contest: 20_000)
        pair.step("we join", lambda: ours.apply(*(c.ours() for c in contests)), _neighbour)
        for item in contests:
            ours.wait_until("Backup", item.name)
        pair.step("the neighbour leaves", neighbours[0].stop, _ours, none_ms=Contest.skew_ms)
        pair.step("the neighbour returns", lambda: neighbours.append(start(other, routers)), _neighbour)
        pair.step("the neighbour is cut off", other.cut, _ours, none_ms=Contest.down_ms, away=["other"])
    return ours


def _ours(_contest: Contest) -> str:
    return "one"


def _neighbour(_contest: Contest) -> str:
    return "other"


def _winner(item: Contest) -> str:
    return item.winner
