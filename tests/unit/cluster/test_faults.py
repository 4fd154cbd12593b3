"""The rules that nftables is given, read by a person; nft itself reads them when a fault is made."""

import pytest

from tests.cluster.faults import block_rules, firewall, loss_rules, partition_rules


def test_a_partition_drops_in_both_directions() -> None:
    assert partition_rules(["veth0"], ["veth1", "veth2"]) == [
        'iifname { "veth0" } oifname { "veth1", "veth2" } drop',
        'iifname { "veth1", "veth2" } oifname { "veth0" } drop',
    ]


def test_a_blocked_protocol_is_dropped_in_both_families() -> None:
    assert block_rules(112) == ["ip protocol 112 drop", "ip6 nexthdr 112 drop"]
    assert 'oifname { "veth0" } ip6 nexthdr 112 drop' in block_rules(112, ["veth0"])


def test_loss_is_by_chance_and_within_bounds() -> None:
    assert loss_rules("veth0", 30)[0] == 'iifname "veth0" numgen random mod 100 < 30 drop'
    with pytest.raises(ValueError, match="1 to 99"):
        loss_rules("veth0", 100)


def test_a_firewall_of_a_node_drops_in_both_directions_and_families() -> None:
    _, *chains = firewall(112)
    assert [chain.split(";")[0] for chain in chains] == [
        f"add chain inet vipkeeper_test {hook} {{ type filter hook {hook} priority 0" for hook in ("input", "output")
    ]
    assert all(chain.endswith("meta l4proto 112 drop") for chain in chains)
