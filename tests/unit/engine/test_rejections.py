"""Refused adverts: counted, bounded, logged once."""

import pytest

from vipkeeper.engine.rejections import Rejections
from vipkeeper.ipc.messages import Rejected
from vipkeeper.vrrp.packet import Dropped, DropReason

WRONG_TTL = Dropped(DropReason.WRONG_TTL, "1")


def test_the_most_frequent_come_first_and_a_report_is_news_only_once() -> None:
    rejections = Rejections("web")
    for source, count in (("192.0.2.1", 1), ("192.0.2.2", 3)):
        for _ in range(count):
            rejections.count(WRONG_TTL, source)
    assert rejections.changed
    assert rejections.report() == (Rejected("WrongTTL", "192.0.2.2", 3), Rejected("WrongTTL", "192.0.2.1", 1))
    assert not rejections.changed


def test_each_new_cause_and_source_is_logged_once(capfd: pytest.CaptureFixture[str]) -> None:
    rejections = Rejections("web")
    for _ in range(5):
        rejections.count(WRONG_TTL, "192.0.2.1")
        rejections.count(Dropped(DropReason.WRONG_CHECKSUM), "192.0.2.1")
    assert capfd.readouterr().err.splitlines() == [
        "advert refused vip=web cause=WrongTTL source=192.0.2.1 detail=1",
        "advert refused vip=web cause=WrongChecksum source=192.0.2.1",
    ]


def test_a_flood_of_invented_sources_costs_a_bounded_memory_and_log(capfd: pytest.CaptureFixture[str]) -> None:
    rejections = Rejections("web")
    for number in range(100_000):
        rejections.count(WRONG_TTL, f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(rejections._counts) <= 257
    assert len(capfd.readouterr().err.splitlines()) <= 257
    report = rejections.report()
    assert len(report) == 16
    assert report[0] == Rejected("WrongTTL", "many others", 100_000 - 256)
