"""operator/vipkeeper/standalone/options.py"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from vipkeeper.standalone.options import Options, Peer, parse_peer, peers_problem

ONE = Options(("vip.yaml",), "one", Path("/run/vipkeeper"))


def test_runs_with_other_state_folders_are_strangers_to_each_other() -> None:
    other = replace(ONE, state_dir=Path("/run/other"))
    assert ONE.placement != other.placement
    assert ONE.uid_of("web") != other.uid_of("web")


def test_a_restart_finds_the_same_names_and_they_fit_into_the_engines_memory() -> None:
    assert replace(ONE).uid_of("web") == ONE.uid_of("web") != ONE.uid_of("api")
    assert replace(ONE).placement == ONE.placement
    assert len(ONE.uid_of("web")) <= 40


def test_a_peer_is_a_name_and_an_address() -> None:
    assert parse_peer("lb2=192.0.2.2") == Peer("lb2", ip_address("192.0.2.2"))
    assert parse_peer("lb2.example=fe80::2") == Peer("lb2.example", ip_address("fe80::2"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lb2", "is not NAME=ADDRESS"),
        ("=192.0.2.2", "is not the name of a host"),
        ("LB2=192.0.2.2", "is not the name of a host"),
        ("lb2=lb2.example", "is not an IP address"),
        ("lb2=fe80::2%eth0", "without zone"),
        ("lb2=224.0.0.18", "is not an address of a host"),
        ("lb2=::", "is not an address of a host"),
    ],
)
def test_what_is_no_peer_is_refused_with_the_reason(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_peer(text)


def test_peers_are_others_and_each_address_is_one_hosts() -> None:
    two, three = parse_peer("two=192.0.2.2"), parse_peer("three=192.0.2.2")
    assert peers_problem([two, parse_peer("two=fd00::2")], "one") == ""
    assert peers_problem([two], "two") == "two is this host itself"
    assert peers_problem([two, three], "one") == "192.0.2.2 is there twice, for two and for three"


def test_a_host_may_have_several_addresses() -> None:
    peers = tuple(parse_peer(text) for text in ("two=192.0.2.2", "three=192.0.2.3", "two=fd00::2"))
    options = replace(ONE, peers=peers)
    assert options.peer_names == ("two", "three")
    assert options.peer_addresses("two") == (ip_address("192.0.2.2"), ip_address("fd00::2"))
