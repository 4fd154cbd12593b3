"""A node that is drained or cordoned, as the document tells: it hands over, holds back, and is the last resort. And
other planned changes by document: a priority that is lowered, a move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.prober import Prober
from tests.netns.speaker import Speaker, document, edited
from tests.netns.test_handover import GAP_MS, KEY
from vipkeeper.ipc.messages import Secrets
from vipkeeper.ipc.peers import PeersSection
from vipkeeper.ipc.rendered import NodeShare, RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

VIP = "192.0.2.100"
PRIORITIES = {"one": 200, "two": 150, "three": 100}


class Three:
    """Speakers that know each other, the first one Active."""

    def __init__(self, lan: Lan, **options: object) -> None:
        self.lan = lan
        hosts = [lan.host(name) for name in PRIORITIES]
        self.speakers = {host.name: Speaker(host).start() for host in hosts}
        rendered = document(PRIORITIES, VIP, **options)  # type: ignore[arg-type]
        ways = {host.name: (ip_address(host.ipv4),) for host in hosts}
        shares = {name: replace(share, segment_addresses=ways[name]) for name, share in rendered.nodes.items()}
        self.document: RenderedVirtualIP = replace(rendered, nodes=shares, peers=PeersSection("keys", 7112))
        for name, speaker in self.speakers.items():
            speaker.agent.send(Secrets({"keys": KEY.encode()}))
            speaker.apply(self.document)
            speaker.wait_until("Active" if name == "one" else "Backup")  # without preemption the first one keeps it

    def leaving(self, leaving: Mapping[str, str]) -> None:
        """The operator says so to all of them, at once."""
        self._tell({name: replace(share, leaving=leaving.get(name, "")) for name, share in self.document.nodes.items()})

    def prefer(self, **priorities: int) -> None:
        """An edit of the priorities, or a move (`render/document.py` gives that node 254)."""
        order = sorted(priorities, key=lambda name: -priorities[name])
        self._tell(
            {
                name: replace(share, priority=priorities[name], rank=order.index(name))
                for name, share in self.document.nodes.items()
            }
        )

    def _tell(self, nodes: dict[str, NodeShare]) -> None:
        self.document = edited(self.document, nodes=nodes)
        for speaker in self.speakers.values():
            speaker.apply(self.document)
        for speaker in self.speakers.values():
            wait_for("the document runs", partial(self._runs, speaker))

    def _runs(self, speaker: Speaker) -> bool:
        status = speaker.status()
        return status is not None and status.generation == self.document.generation

    def ailments(self, name: str) -> tuple[str, ...]:
        return self.speakers[name].told().ailments

    def log(self) -> str:
        return "\n".join(speaker.log() for speaker in self.speakers.values())


@pytest.mark.parametrize(("interval_cs", "preempt"), [(1, True), (25, False), (100, True)])
def test_the_address_leaves_a_node_that_is_drained_and_the_client_does_not_notice(
    lan: Lan, interval_cs: int, preempt: bool
) -> None:
    three = Three(lan, interval_cs=interval_cs, preempt=preempt)
    prober = Prober(lan.host("client"), VIP)
    three.leaving({"one": "Draining"})
    wait_for(f"two has it\n{three.log()}", lambda: lan.owners(VIP) == ["two"])
    assert prober.gap_ms() <= GAP_MS, three.log()
    assert "reason=Handover" in three.speakers["two"].log(), three.log()
    one = three.speakers["one"]
    wait_for("one holds back and says why", lambda: (one.told().priority, one.told().ailments) == (1, ("Draining",)))
    assert three.ailments("two") == ()
    three.leaving({})
    wait_for("one is well again", lambda: (one.told().priority, one.told().ailments) == (200, ()))
    owner = ["one"] if preempt else ["two"]
    wait_for(f"priorities decide\n{three.log()}", lambda: lan.owners(VIP) == owner)


def test_who_is_drained_takes_it_from_nobody_and_holds_it_when_all_are(lan: Lan) -> None:
    three = Three(lan, interval_cs=10)
    three.leaving({"two": "Cordoned"})
    stays("one keeps it", lambda: lan.owners(VIP) == ["one"], 0.5)
    three.speakers["one"].host.cut()
    three.speakers["three"].wait_until("Active")
    assert not three.speakers["two"].host.has(VIP), "healthy, though of lower priority, goes before"
    three.speakers["one"].host.heal()
    wait_for("one has it again", lambda: lan.owners(VIP) == ["one"])
    three.leaving(dict.fromkeys(PRIORITIES, "Draining"))
    wait_for("somebody has it", lambda: len(lan.owners(VIP)) == 1)
    (holder,) = lan.owners(VIP)
    stays("one of them holds it", lambda: len(lan.owners(VIP)) == 1, 2.0)
    assert lan.owners(VIP) == [holder], "the same one all the time"
    assert three.speakers[holder].told().priority == 1
    three.leaving({"one": "Draining", "two": "Draining"})
    wait_for(f"the healthy one has it\n{three.log()}", lambda: lan.owners(VIP) == ["three"])


def test_who_starts_on_a_node_that_is_drained_holds_back(lan: Lan) -> None:
    three = Three(lan, interval_cs=10)
    three.leaving({"one": "Draining"})
    wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
    one = three.speakers["one"]
    one.stop()
    one.start()
    one.agent.send(Secrets({"keys": KEY.encode()}))
    one.apply(three.document)
    one.wait_until("Backup")
    stays("it takes nothing", lambda: lan.owners(VIP) == ["two"], 1.5)


@pytest.mark.parametrize("interval_cs", [1, 25, 100])
def test_a_priority_that_is_lowered_and_a_move_are_not_noticed_either(lan: Lan, interval_cs: int) -> None:
    three = Three(lan, interval_cs=interval_cs)
    prober = Prober(lan.host("client"), VIP)
    three.prefer(one=50, two=150, three=100)
    wait_for(f"two has it\n{three.log()}", lambda: lan.owners(VIP) == ["two"])
    three.prefer(one=50, two=150, three=254)
    wait_for(f"three has it\n{three.log()}", lambda: lan.owners(VIP) == ["three"])
    assert prober.gap_ms() <= GAP_MS, three.log()
