"""FRR's vrrpd as the neighbour. It always has the virtual MAC address; ours is without, unless a test says so."""

from __future__ import annotations

import pytest

from tests.netns.frr import FRR
from tests.netns.handing_over import hand_to_and_fro
from tests.netns.lan import Lan

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "vrrpd")]


def test_addresses_go_to_and_fro_between_frr_and_us_and_have_one_owner(lan: Lan) -> None:
    hand_to_and_fro(lan, lambda host, routers: FRR(host, *routers))
