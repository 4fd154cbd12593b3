"""operator/vipkeeper/prepare/virtual_mac.py"""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.unit.engine.samples import web
from vipkeeper.ipc.rendered import RenderedAddress
from vipkeeper.prepare.virtual_mac import (
    INTERFACE_NAME_BYTES,
    macvlan_name,
    macvlan_settings,
    problems_of_all,
    virtual_mac,
)

IPV4, IPV6 = (RenderedAddress(ip_address(text)) for text in ("192.0.2.1", "2001:db8::1"))


@pytest.mark.rule(6)
@pytest.mark.parametrize(
    ("addresses", "vrid", "name", "mac"),
    [
        ((IPV4, IPV6), 51, "vrrp4-51-2", "00:00:5e:00:01:33"),
        ((IPV6, IPV4), 255, "vrrp6-255-2", "00:00:5e:00:02:ff"),
    ],
)
def test_name_and_mac_are_those_of_vrid_and_family(
    addresses: tuple[RenderedAddress, ...], vrid: int, name: str, mac: str
) -> None:
    document = replace(web(), addresses=addresses, vrid=vrid)
    assert (macvlan_name(document, 2), virtual_mac(document)) == (name, mac)


def test_a_name_fits_up_to_the_millionth_interface() -> None:
    document = replace(web(), vrid=255)
    assert len(macvlan_name(document, 0xFFFFF)) == INTERFACE_NAME_BYTES
    assert macvlan_name(document, 16) != macvlan_name(document, 10)


@pytest.mark.rule(100)
def test_ipv6_is_there_for_ipv6_addresses_only_and_makes_none_of_its_own() -> None:
    ipv4 = macvlan_settings(replace(web(), addresses=(IPV4,)), "m")
    assert ipv4["ipv6/conf/m/disable_ipv6"] == "1"
    both = macvlan_settings(replace(web(), addresses=(IPV4, IPV6)), "m")
    assert both["ipv6/conf/m/disable_ipv6"] == "0"
    assert both["ipv6/conf/m/addr_gen_mode"] == "1"
    assert both["ipv4/conf/m/rp_filter"] == ipv4["ipv4/conf/m/rp_filter"] == "2"


def test_settings_of_all_that_overrule_ours_are_told() -> None:
    assert problems_of_all({"arp_filter": 0, "arp_ignore": 1}) == []
    assert [text.split()[0] for text in problems_of_all({"arp_filter": 1, "arp_ignore": 2})] == [
        "net.ipv4.conf.all.arp_filter",
        "net.ipv4.conf.all.arp_ignore",
    ]
