"""operator/vipkeeper/engine/unicast.py"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from tests.unit.ipc.test_rendered import SMALL
from vipkeeper.engine.unicast import decisive, destinations_of, lacks_peers, own_ways_of, transport_of
from vipkeeper.ipc.rendered import NodeShare
from vipkeeper.vrrp.transport import MULTICAST, Unicast

A, B, B_NODE, C_NODE = (ip_address(text) for text in ("192.0.2.1", "192.0.2.2", "10.0.0.2", "10.0.0.3"))
SHARES = {
    "a": NodeShare(100, 0, (A,)),
    "c": NodeShare(98, 2, (), (C_NODE, ip_address("fd00::3"))),
    "b": NodeShare(99, 1, (B,), (B_NODE,)),
    "d": NodeShare(97, 3),
}
DOCUMENT = replace(SMALL, transport="Unicast", min_ttl=64, nodes=SHARES)


def test_adverts_are_taken_from_every_address_of_every_other_node() -> None:
    assert transport_of(DOCUMENT, "a") == Unicast(frozenset({B, B_NODE, C_NODE}), 64)
    assert transport_of(replace(DOCUMENT, transport="Multicast"), "a") is MULTICAST


def test_and_are_sent_to_the_best_known_one_of_each() -> None:
    assert destinations_of(DOCUMENT, "a") == (B, C_NODE)
    assert own_ways_of(DOCUMENT, "b") == {B, B_NODE}


def test_the_source_is_chosen_for_who_is_not_link_local() -> None:
    local, far = ip_address("fe80::2"), ip_address("2001:db8::2")
    assert decisive((local, far)) == far
    assert decisive((local,)) is None
    assert decisive(()) is None


def test_peers_are_lacking_when_others_take_part_and_none_is_known() -> None:
    alone = replace(DOCUMENT, nodes={"a": SHARES["a"]})
    unknown = replace(DOCUMENT, nodes={"a": SHARES["a"], "d": SHARES["d"]})
    assert [lacks_peers(item, "a") for item in (DOCUMENT, alone, unknown)] == [False, False, True]
    assert not lacks_peers(replace(unknown, transport="Multicast"), "a")
