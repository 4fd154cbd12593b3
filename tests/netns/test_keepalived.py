"""A real keepalived as the neighbour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.netns.handing_over import (
    CHECKSUM_OF_THE_RFC_ABOVE,
    IN_AGREEMENT,
    OTHER_LISTS_ABOVE,
    WITHOUT_PREEMPT,
    hand_to_and_fro,
    join_and_take_over,
)
from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan, wait_for
from tests.netns.mixed_pair import ABOVE, BELOW, VERSION_2, Contest, contest
from tests.netns.neighbour import VirtualRouter
from tests.netns.speaker import Pinger, Speaker, document

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump", "keepalived")]

VIP = "192.0.2.100"
PASSWORD = "12345678"


def with_password(item: Contest) -> Contest:
    extra = ("authentication {", "  auth_type PASS", f"  auth_pass {PASSWORD}", "}")
    return replace(item, theirs=replace(item.theirs, extra=extra), password=PASSWORD)


WITH_PASSWORD = [with_password(contest(17, VERSION_2, ABOVE)), with_password(contest(18, VERSION_2, BELOW))]


def test_addresses_go_to_and_fro_between_keepalived_and_us_and_have_one_owner(lan: Lan) -> None:
    hand_to_and_fro(
        lan, lambda host, routers: Keepalived(host, *routers), [*IN_AGREEMENT, *WITHOUT_PREEMPT, *WITH_PASSWORD]
    )


def test_a_keepalived_above_us_that_drops_our_adverts_is_followed_and_replaced(lan: Lan) -> None:
    """Before 2.3.3 it drops other address lists; before it had an option for it, the checksum of RFC 9568."""
    contests = [*OTHER_LISTS_ABOVE, *CHECKSUM_OF_THE_RFC_ABOVE]
    ours = join_and_take_over(lan, lambda host, routers: Keepalived(host, *routers), contests)
    for item in OTHER_LISTS_ABOVE:
        assert f"vip={item.name} remark=OtherAddresses" in ours.log()
    assert f"vip={CHECKSUM_OF_THE_RFC_ABOVE[0].name} remark=OtherChecksum" in ours.log()


def test_a_keepalived_that_drops_our_list_is_named_in_our_log(lan: Lan) -> None:
    """The one case that we cannot settle: keepalived before 2.3.3 does not yield to whom it does not believe."""
    one, other = Speaker(lan.host("one")).start(), lan.host("other")
    one.apply(document({"one": 200}, VIP, "192.0.2.101"))
    one.wait_until("Active")
    keepalived = Keepalived(other, VirtualRouter((VIP,), priority=100))
    wait_for("both have it", lambda: lan.owners(VIP) == ["one", "other"])
    wait_for("ours says why", lambda: f"remark=OtherAddresses source={other.ipv4}" in one.log())
    assert "received an unexpected ip number count" in keepalived.log()
    keepalived.stop()
    wait_for("one owner", lambda: lan.owners(VIP) == ["one"])


def test_an_address_migrates_from_a_living_keepalived_to_us_and_back(lan: Lan) -> None:
    """Whoever joins with the higher priority takes over from a living Active."""
    one, other, client = Speaker(lan.host("one")).start(), lan.host("other"), lan.host("client")
    keepalived = Keepalived(other, VirtualRouter((VIP,), priority=100))
    wait_for("keepalived has it", lambda: lan.owners(VIP) == ["other"])
    there = Pinger(client, VIP)
    one.apply(document({"one": 150}, VIP))
    one.wait_until("Active")
    wait_for("keepalived gives way", lambda: lan.owners(VIP) == ["one"])
    wait_for("the client follows", lambda: client.neighbour_mac(VIP) == one.host.mac)
    gap_there_ms = there.longest_gap_ms()
    keepalived.stop()
    back = Pinger(client, VIP)
    Keepalived(other, VirtualRouter((VIP,), priority=200))
    one.wait_until("Backup")
    wait_for("it is keepalived's again", lambda: lan.owners(VIP) == ["other"])
    wait_for("the client follows", lambda: client.neighbour_mac(VIP) == other.mac)
    gap_back_ms = back.longest_gap_ms()
    print(f"longest time without an answer: {gap_there_ms:.0f} ms there, {gap_back_ms:.0f} ms back")
    assert max(gap_there_ms, gap_back_ms) < 150
