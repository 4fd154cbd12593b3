"""Two speakers of one host with one VRID: none hears the other's adverts, and yet both tell of it."""

from __future__ import annotations

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.speaker import Speaker, document
from tests.netns.test_foreign_vrrp import THEIRS, VIP, conflicts, told

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]


def test_two_speakers_of_one_host_with_one_vrid_are_told_by_both_until_one_is_gone(lan: Lan) -> None:
    host = lan.host("one")
    first, second = (Speaker(host, placement=name, folder_name=name).start() for name in ("run-1", "run-2"))
    first.apply(document({"one": 100}, VIP, uid="uid-1", placement="run-1"))
    first.wait_until("Active")
    second.apply(document({"one": 100}, THEIRS, uid="uid-2", placement="run-2"))
    second.wait_until("Active")
    assert "run-1" in told(second, "run-1").detail
    assert "run-2" in told(first, "run-2").detail
    stays("it is asked now and then", lambda: conflicts(first) and conflicts(second), 12)
    second.stop()
    wait_for(f"it goes\n{first.log()}", lambda: not conflicts(first), 25)
