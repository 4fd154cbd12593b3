"""What a node makes of a document."""

from ipaddress import ip_address

import pytest

from tests.unit.engine.samples import web
from vipkeeper.engine.documents import config_of, prefix_lengths_of, problems_of
from vipkeeper.ipc.messages import HealthSource
from vipkeeper.ipc.rendered import HealthSection, NodeShare, RenderedAddress
from vipkeeper.vrrp.packet import ChecksumForm, Family, Version


def test_the_first_address_decides_the_family_and_the_others_move_along() -> None:
    config = config_of(web(), "two")
    assert config.family is Family.IPV4
    assert config.addresses == (ip_address("192.0.2.100"), ip_address("192.0.2.101"))
    assert config.companion_addresses == (ip_address("2001:db8::100"),)
    assert (config.vrid, config.priority, config.rank) == (51, 199, 1)
    assert (config.advertisement_interval_cs, config.preempt) == (25, True)


def test_a_preempt_delay_comes_through() -> None:
    assert config_of(web(), "one").preempt_delay_ns == 0
    assert config_of(web(preempt_delay_ms=1500), "one").preempt_delay_ns == 1_500_000_000


def test_what_the_ill_do_comes_through() -> None:
    assert not config_of(web(), "one").release
    assert not config_of(web(health=HealthSection()), "one").release
    releases = config_of(web(health=HealthSection(on_failure="Release")), "one").release
    assert releases == {source.value for source in HealthSource}


def test_the_form_of_the_checksum_comes_through() -> None:
    assert config_of(web(), "one").checksum is ChecksumForm.PSEUDO_HEADER
    assert config_of(web(checksum="MessageOnly"), "one").checksum is ChecksumForm.MESSAGE_ONLY


def test_version_2_comes_through() -> None:
    assert config_of(web(), "one").version is Version.V3
    assert config_of(web(vrrp_version=2, advertisement_interval_cs=100), "one").version is Version.V2


def test_version_2_with_an_ipv6_address_in_front_is_a_problem() -> None:
    turned = web(vrrp_version=2, advertisement_interval_cs=100, addresses=tuple(reversed(web().addresses[:2])))
    assert problems_of(turned, "one") == ("vrrpVersion: 2 knows IPv4 only, and the first address is none",)


def test_a_written_prefix_length_is_for_the_kernel_only_when_it_shall() -> None:
    assert sorted(prefix_lengths_of(web()).values()) == [32, 32, 128]
    installed = prefix_lengths_of(web(addresses=web().addresses[:1], install_prefix=True))
    assert installed == {ip_address("192.0.2.100"): 24}


def test_an_ipv6_address_in_front_makes_an_election_of_ipv6() -> None:
    config = config_of(web(addresses=tuple(reversed(web().addresses[:2]))), "one")
    assert config.family is Family.IPV6
    assert config.companion_addresses == (ip_address("192.0.2.100"),)


def test_a_good_document_has_no_problems() -> None:
    assert problems_of(web(), "one") == ()
    assert problems_of(web(), "a node that is not named") == ()


@pytest.mark.parametrize("name", ["", "..", "../web", "a/b", ".hidden", "-x", "Web", "a" * 300, "x\n"])
def test_a_name_that_could_be_another_file_is_a_problem(name: str) -> None:
    (problem,) = problems_of(web(name=name), "one")
    assert problem.startswith("name:")


@pytest.mark.parametrize("address", ["0.0.0.0", "224.0.0.18", "127.0.0.1", "::", "::1", "ff02::12"])
def test_what_no_host_can_have_is_a_problem_with_its_path(address: str) -> None:
    document = web(addresses=(*web().addresses, RenderedAddress(ip_address(address))))
    (problem,) = problems_of(document, "one")
    assert problem.startswith("addresses[3]: ")


def test_all_problems_are_told_at_once() -> None:
    document = web(uid="", addresses=web().addresses[:1] * 2, nodes={"one": NodeShare(255, 0)})
    problems = problems_of(document, "one")
    assert [problem.partition(":")[0] for problem in problems] == ["uid", "nodes.one.priority", "addresses[1]"]


def test_a_link_local_address_on_a_macvlan_gets_the_prefix_of_its_neighbours() -> None:
    link_local = RenderedAddress(ip_address("fe80::1"))
    addresses = (*web().addresses, link_local)
    assert prefix_lengths_of(web(addresses=addresses))[link_local.address] == 128
    lengths = prefix_lengths_of(web(addresses=addresses, virtual_mac=True))
    assert (lengths[link_local.address], lengths[ip_address("2001:db8::100")]) == (64, 128)
