from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.packet import Family

GOOD = VirtualRouterConfig(
    vrid=51,
    family=Family.IPV4,
    priority=100,
    addresses=(ip_address("192.0.2.10"),),
    companion_addresses=(ip_address("2001:db8::10"),),
)


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
    ],
)
def test_rule_8_rule_10_rule_12_rule_14_rule_19_what_the_wire_can_not_say_is_refused(
    member: str, value: object, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        replace(GOOD, **{member: value})  # type: ignore[arg-type]


def test_companions_move_along_behind_the_advertised_addresses() -> None:
    assert [str(address) for address in GOOD.all_addresses] == ["192.0.2.10", "2001:db8::10"]
