"""No address is given out twice, whoever asks."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from tests.cluster.leases import Leases
from tests.cluster.network import Address, vip_candidates


def candidates() -> Iterator[Address]:
    return vip_candidates(IPv4Network("10.89.0.0/24"))


def test_two_askers_get_different_addresses(tmp_path: Path) -> None:
    first = Leases(tmp_path).take(candidates, set(), 2, "one")
    second = Leases(tmp_path).take(candidates, set(), 2, "two")
    assert not set(first) & set(second)
    assert Leases(tmp_path).of("one") == first


def test_what_is_given_back_is_given_out_again(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    first = leases.take(candidates, set(), 1, "one")
    leases.give_back(first)
    assert leases.take(candidates, set(), 1, "two") == first
    assert leases.of("one") == []
