"""A real keepalived as the neighbour."""

from __future__ import annotations

import pytest

from tests.netns.handing_over import hand_to_and_fro
from tests.netns.keepalived import Keepalived
from tests.netns.lan import Lan

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "keepalived")]


def test_addresses_go_to_and_fro_between_keepalived_and_us_and_have_one_owner(lan: Lan) -> None:
    hand_to_and_fro(lan, lambda host, routers: Keepalived(host, *routers))
