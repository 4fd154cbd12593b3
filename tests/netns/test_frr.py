"""FRR's vrrpd as the neighbour. It always has the virtual MAC address; ours is without, unless a test says so."""

from __future__ import annotations

import pytest

from tests.netns.frr import FRR
from tests.netns.handing_over import (
    CHECKSUM_OF_THE_RFC_ABOVE,
    IN_AGREEMENT,
    OTHER_LISTS_ABOVE,
    OTHER_LISTS_BELOW,
    WITH_VIRTUAL_MAC,
    WITHOUT_PREEMPT,
    hand_to_and_fro,
)
from tests.netns.lan import Lan

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump", "vrrpd")]

CONTESTS = [
    *IN_AGREEMENT,
    *WITHOUT_PREEMPT,
    *OTHER_LISTS_ABOVE,
    *OTHER_LISTS_BELOW,
    *CHECKSUM_OF_THE_RFC_ABOVE,
    *WITH_VIRTUAL_MAC,
]


def test_addresses_go_to_and_fro_between_frr_and_us_and_have_one_owner(lan: Lan) -> None:
    ours = hand_to_and_fro(lan, lambda host, routers: FRR(host, *routers), CONTESTS)
    for contest in (*OTHER_LISTS_ABOVE, *OTHER_LISTS_BELOW):
        assert f"vip={contest.name} remark=OtherAddresses" in ours.log()
    assert f"vip={CHECKSUM_OF_THE_RFC_ABOVE[0].name} remark=OtherChecksum" in ours.log()
