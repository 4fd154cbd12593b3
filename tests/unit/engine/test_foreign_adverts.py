"""Foreign VRRP on our VRID, and what is none. (With real neighbours: tests/netns/test_foreign_vrrp.py.)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from vipkeeper.engine.foreign_adverts import APART_NS, LASTS_NS, ForeignAdverts
from vipkeeper.engine.loop import Loop
from vipkeeper.vrrp.advert import Advert, IPAddress, Remark
from vipkeeper.vrrp.drops import Dropped, DropReason
from vipkeeper.vrrp.sighting import Sighting
from vipkeeper.vrrp.units import cs_to_ns

VIP, OTHER, ALIEN = (ip_address(f"192.0.2.{number}") for number in (100, 101, 200))
STRANGER, NODE = ip_address("192.0.2.77"), ip_address("192.0.2.2")


class Clock(Loop):
    def pass_to(self, now_ns: int) -> None:
        self._ring(self._ordinary, now_ns)


@dataclass
class Watch:
    foreign: ForeignAdverts
    clock: Clock
    now_ns: int = 0

    def details(self) -> list[str]:
        return [item.detail for item in self.foreign.findings(self.now_ns)]

    def hear(
        self, *addresses: IPAddress, priority: int = 90, source: IPAddress = STRANGER, interval_cs: int = 25
    ) -> None:
        """Twice, and not too fast."""
        odd = frozenset() if addresses == (VIP, OTHER) else frozenset({Remark.OTHER_ADDRESSES, Remark.FOREIGN_OWNER})
        for _ in range(2):
            self.foreign.received(Advert(source, 51, priority, interval_cs, addresses, remarks=odd), self.now_ns)
            self.now_ns += APART_NS

    def refuse(self, reason: DropReason, source: IPAddress = STRANGER) -> None:
        said = Sighting(2, 90, 100, (VIP,))
        for _ in range(2):
            self.foreign.refused(Dropped(reason, said=said), str(source), self.now_ns)
            self.now_ns += APART_NS


@pytest.fixture
def watch() -> Iterator[Watch]:
    clock = Clock()
    foreign = ForeignAdverts(clock, "web", lambda address: str(address) == str(NODE), lambda: None)
    foreign.configure(51, (VIP, OTHER), knows_nodes=False)
    yield Watch(foreign, clock)
    clock.close()


def test_a_list_without_any_of_our_addresses_is_foreign(watch: Watch) -> None:
    watch.hear(ALIEN)
    assert watch.details() == [
        "VRID 51 is used by 192.0.2.77: version 3, priority 90, 192.0.2.200, none of them ours",
    ]


def test_one_that_shares_an_address_or_comes_from_a_node_of_ours_is_not(watch: Watch) -> None:
    watch.hear(ALIEN, VIP)
    watch.hear(VIP, OTHER)
    watch.hear(ALIEN, source=NODE)
    watch.refuse(DropReason.WRONG_AUTHENTICATION, source=NODE)
    assert watch.details() == []


def test_who_says_that_he_owns_our_addresses_is_foreign_where_all_nodes_are_known(watch: Watch) -> None:
    watch.hear(VIP, priority=255)
    assert watch.details() == [], "it may be the owner, with whom we are to share"
    watch.foreign.configure(51, (VIP, OTHER), knows_nodes=True)
    watch.hear(VIP, priority=255)
    assert watch.details() == [
        "VRID 51 is used by 192.0.2.77: version 3, priority 255, 192.0.2.100, which claims to own them",
    ]


def test_who_is_refused_for_what_he_is_is_foreign(watch: Watch) -> None:
    watch.refuse(DropReason.WRONG_VERSION)
    assert watch.details() == [
        "VRID 51 is used by 192.0.2.77: version 2, priority 90, 192.0.2.100, refused (WrongVersion)"
    ]


def test_junk_is_none(watch: Watch) -> None:
    for _ in range(3):
        watch.foreign.refused(Dropped(DropReason.WRONG_CHECKSUM), str(STRANGER), watch.now_ns)
        watch.now_ns += APART_NS
    assert watch.details() == []


def test_once_is_an_edit_on_its_way(watch: Watch) -> None:
    watch.foreign.received(Advert(STRANGER, 51, 90, 25, (ALIEN,), remarks=frozenset({Remark.OTHER_ADDRESSES})), 0)
    watch.clock.pass_to(LASTS_NS)
    assert watch.details() == []


def test_it_goes_after_three_of_its_intervals_and_not_before_its_time(watch: Watch) -> None:
    watch.hear(ALIEN, interval_cs=1000)
    last_ns = watch.now_ns - APART_NS
    watch.clock.pass_to(last_ns + 3 * cs_to_ns(1000) - 1)
    assert len(watch.details()) == 1
    watch.clock.pass_to(last_ns + 3 * cs_to_ns(1000))
    assert watch.details() == []


def test_one_that_is_followed_in_silence_goes_on(watch: Watch) -> None:
    watch.hear(ALIEN)
    advert = Advert(STRANGER, 51, 90, 25, (ALIEN,))
    for _ in range(30):
        watch.now_ns += APART_NS
        watch.foreign.received_again(advert, watch.now_ns)
        watch.clock.pass_to(watch.now_ns)
    assert len(watch.details()) == 1
    watch.foreign.received(Advert(NODE, 51, 200, 25, (VIP, OTHER)), watch.now_ns)
    for _ in range(30):
        watch.now_ns += APART_NS
        watch.foreign.received_again(Advert(NODE, 51, 200, 25, (VIP, OTHER)), watch.now_ns)
        watch.clock.pass_to(watch.now_ns)
    assert watch.details() == []


def test_with_another_vrid_or_list_it_begins_anew(watch: Watch) -> None:
    watch.hear(ALIEN)
    watch.foreign.configure(51, (VIP, OTHER), knows_nodes=True)
    assert len(watch.details()) == 1
    watch.foreign.configure(51, (ALIEN,), knows_nodes=True)
    assert watch.details() == []
