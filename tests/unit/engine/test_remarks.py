"""Odd adverts: told once, by remark and source."""

from ipaddress import ip_address

import pytest

from vipkeeper.engine.remarks import Remarks
from vipkeeper.ipc.messages import Remarked
from vipkeeper.vrrp.advert import Remark

ONE, TWO = ip_address("192.0.2.1"), ip_address("192.0.2.2")


def test_each_new_remark_and_source_is_logged_once(capfd: pytest.CaptureFixture[str]) -> None:
    remarks = Remarks("web")
    for _ in range(3):
        remarks.say({Remark.OTHER_INTERVAL}, ONE, 100)
        remarks.say({Remark.OTHER_INTERVAL, Remark.FOREIGN_OWNER}, TWO, 255)
        remarks.say(frozenset(), ONE, 100)
    assert capfd.readouterr().err.splitlines() == [
        "odd advert vip=web remark=OtherInterval source=192.0.2.1 priority=100",
        "odd advert vip=web remark=ForeignOwner source=192.0.2.2 priority=255",
        "odd advert vip=web remark=OtherInterval source=192.0.2.2 priority=255",
    ]


def test_the_same_ipv6_list_as_ours_is_not_odd(capfd: pytest.CaptureFixture[str]) -> None:
    remarks = Remarks("web")
    remarks.say({Remark.NOT_LINK_LOCAL_FIRST}, ONE, 100)
    assert capfd.readouterr().err == ""
    remarks.say({Remark.NOT_LINK_LOCAL_FIRST, Remark.OTHER_ADDRESSES}, ONE, 100)
    assert [line.split()[3] for line in capfd.readouterr().err.splitlines()] == [
        "remark=NotLinkLocalFirst",
        "remark=OtherAddresses",
    ]


def test_after_another_configuration_it_is_told_again(capfd: pytest.CaptureFixture[str]) -> None:
    remarks = Remarks("web")
    for _ in range(2):
        remarks.say({Remark.OTHER_ADDRESSES}, ONE, 100)
        remarks.forget()
    assert len(capfd.readouterr().err.splitlines()) == 2


def test_a_flood_of_invented_sources_costs_a_bounded_memory_and_log(capfd: pytest.CaptureFixture[str]) -> None:
    remarks = Remarks("web")
    for number in range(10_000):
        remarks.say({Remark.OTHER_INTERVAL}, ip_address(0x0A000000 + number), 100)
    assert len(capfd.readouterr().err.splitlines()) == 64


def test_what_was_said_is_reported_until_another_configuration_comes() -> None:
    remarks = Remarks("web")
    news = [remarks.changed]
    for _ in range(2):
        remarks.say({Remark.OTHER_INTERVAL}, ONE, 100)
        news.append(remarks.changed)
        assert remarks.report() == (Remarked("OtherInterval", "192.0.2.1"),)
    assert news == [False, True, False]
    for number in range(100):
        remarks.say({Remark.EQUAL_PRIORITY}, ip_address(0x0A000000 + number), 100)
    assert len(remarks.report()) == 16
    remarks.forget()
    assert (remarks.changed, remarks.report()) == (True, ())
