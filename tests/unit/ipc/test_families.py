"""operator/vipkeeper/ipc/families.py"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from tests.unit.ipc.test_messages import STATUS
from tests.unit.ipc.test_rendered import FULL
from vipkeeper.ipc.families import incoming, outgoing, parts_of
from vipkeeper.ipc.messages import Apply, Gone, Health, HealthSource, Refused, Remove, RemoveReason, Synced, Welcome

SEPARATE = replace(FULL, families="Separate")
FOUR, SIX = parts_of(SEPARATE)
NAMES = ("web", "web_ipv4", "web_ipv6")


def knows(*names: str) -> set[str]:
    return set(names)


def test_a_document_with_one_election_is_its_only_part() -> None:
    assert parts_of(FULL) == (FULL,)


def test_each_family_is_a_part_of_its_own_with_the_rest_as_it_is() -> None:
    assert [(part.name, part.uid, part.elections) for part in (FOUR, SIX)] == [
        ("web_ipv4", "4ad01105/4", (4,)),
        ("web_ipv6", "4ad01105/6", (6,)),
    ]
    assert [item.address for item in SIX.addresses] == [ip_address("2001:db8::10")]
    assert replace(SIX, name="web", uid=FULL.uid, addresses=FULL.addresses) == FULL


def test_the_first_address_s_family_is_the_first_part() -> None:
    turned = replace(SEPARATE, addresses=SEPARATE.addresses[::-1])
    assert [part.name for part in parts_of(turned)] == ["web_ipv6", "web_ipv4"]


def test_a_document_comes_in_as_its_parts_and_what_is_none_of_them_any_more_goes_first() -> None:
    assert incoming(Apply(SEPARATE), knows().__contains__) == [Apply(FOUR), Apply(SIX)]
    only_four = replace(SEPARATE, addresses=SEPARATE.addresses[:1])
    assert incoming(Apply(only_four), knows("web_ipv4", "web_ipv6", "api").__contains__) == [
        Remove("web_ipv6", RemoveReason.DELETED),
        Apply(FOUR),
    ]
    assert incoming(Apply(FULL), knows("web").__contains__) == [Apply(FULL)]


def test_what_is_said_of_a_document_is_for_all_parts_that_there_are() -> None:
    both = knows("web_ipv4", "web_ipv6").__contains__
    moved = [Remove(name, RemoveReason.MOVED) for name in NAMES[1:]]
    assert incoming(Remove("web", RemoveReason.MOVED), both) == moved
    ill = Health(HealthSource.TCP_CHECK, False, "refused", "web")
    assert incoming(ill, both) == [replace(ill, name=name) for name in NAMES[1:]]
    assert incoming(Remove("gone", RemoveReason.DELETED), both) == [Remove("gone", RemoveReason.DELETED)]
    assert incoming(Synced(("web",)), both) == [Synced(NAMES[1:])]
    nginx = Health(HealthSource.CHECK, False)
    assert incoming(nginx, both) == [nginx]


def test_what_is_said_of_a_part_is_of_the_document_and_a_family() -> None:
    told = outgoing(replace(STATUS, name="web_ipv6", uid="4ad01105/6"))
    assert told == replace(STATUS, name="web", uid="4ad01105", family="IPv6")
    assert outgoing(STATUS) == STATUS
    assert outgoing(Gone("web_ipv4")) == Gone("web", "IPv4")
    assert outgoing(Gone("web")) == Gone("web")
    assert outgoing(Refused("web_ipv4", 3, ("x",))) == Refused("web", 3, ("x",))
    assert outgoing(Welcome("1", "a", "b")) == Welcome("1", "a", "b")
