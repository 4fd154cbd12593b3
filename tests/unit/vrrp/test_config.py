from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from vipkeeper.vrrp.advert import ChecksumForm, Family, Version
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.expected import Expected
from vipkeeper.vrrp.transport import MULTICAST, Unicast

GOOD = VirtualRouterConfig(
    vrid=51,
    family=Family.IPV4,
    priority=100,
    addresses=(ip_address("192.0.2.10"),),
    companion_addresses=(ip_address("2001:db8::10"),),
)


@pytest.mark.rule(8, 10, 12, 14, 19)
@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("vrid", 0, "vrid 0 is not in 1..255"),
        ("vrid", 256, "vrid 256 is not in 1..255"),
        ("priority", 0, "priority 0 is not in 1..255"),
        ("priority", 256, "priority 256 is not in 1..255"),
        ("advertisement_interval_cs", 0, "advertisement_interval_cs 0 is not in 1..4095"),
        ("advertisement_interval_cs", 4096, "advertisement_interval_cs 4096 is not in 1..4095"),
        ("addresses", (), "0 addresses are not 1..255"),
        ("addresses", (ip_address("2001:db8::10"),), "2001:db8::10 is not an IPV4 address"),
        ("password", SimpleText(b"x"), "a password needs version 2"),
        ("transport", Unicast(frozenset({ip_address("fe80::1")})), "peer fe80::1 is not an IPV4 address"),
        ("preempt_delay_ns", -1, "preempt_delay_ns -1 is negative"),
    ],
)
def test_what_the_wire_can_not_say_is_refused(member: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(GOOD, **{member: value})  # type: ignore[arg-type]


@pytest.mark.rule(14)
@pytest.mark.parametrize("interval_cs", [1, 50, 99, 101, 250, 25_501, 25_600])
def test_version_2_has_whole_seconds(interval_cs: int) -> None:
    with pytest.raises(ValueError, match=f"advertisement_interval_cs {interval_cs} is not 1 to 255 whole seconds"):
        replace(GOOD, version=Version.V2, advertisement_interval_cs=interval_cs)


@pytest.mark.rule(14)
@pytest.mark.parametrize("interval_cs", [100, 4100, 25_500])
def test_version_2_has_longer_intervals_than_version_3(interval_cs: int) -> None:
    assert replace(GOOD, version=Version.V2, advertisement_interval_cs=interval_cs).version is Version.V2


def test_version_2_knows_ipv4_only() -> None:
    with pytest.raises(ValueError, match="version 2 knows IPv4 only"):
        replace(GOOD, family=Family.IPV6, addresses=(ip_address("2001:db8::10"),), version=Version.V2)


def test_the_defaults_are_those_of_a_plain_router_of_version_3() -> None:
    assert GOOD.version is Version.V3
    assert GOOD.checksum is ChecksumForm.PSEUDO_HEADER
    assert GOOD.transport is MULTICAST
    assert (GOOD.password, GOOD.preempt_delay_ns) == (None, 0)


def test_what_we_send_is_what_we_expect() -> None:
    password = SimpleText(b"x")
    config = replace(GOOD, version=Version.V2, advertisement_interval_cs=300, password=password)
    assert config.expected() == Expected(
        version=Version.V2,
        transport=MULTICAST,
        priority=100,
        interval_cs=300,
        addresses=GOOD.addresses,
        password=password,
        authenticator=None,
    )


def test_version_2_expects_an_interval() -> None:
    with pytest.raises(ValueError, match="version 2 compares the interval"):
        Expected(version=Version.V2, addresses=GOOD.addresses)


def test_companions_move_along_behind_the_advertised_addresses() -> None:
    assert [str(address) for address in GOOD.all_addresses] == ["192.0.2.10", "2001:db8::10"]
