"""operator/vipkeeper/spec/rules.py: that the CEL twin says the same is shown by tests/golden/bad_specs on a cluster."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from vipkeeper.spec import rules
from vipkeeper.spec.rules import Rule, check_spec, parse_address, parse_interval_us, parse_ip


@pytest.mark.parametrize(
    ("text", "address", "prefix_length"),
    [
        ("192.0.2.10", "192.0.2.10", None),
        ("192.0.2.10/24", "192.0.2.10", 24),
        ("192.0.2.10/0", "192.0.2.10", 0),
        ("2001:DB8::10/64", "2001:db8::10", 64),
        ("fe80::1", "fe80::1", None),
    ],
)
def test_an_address_with_or_without_prefix_length(text: str, address: str, prefix_length: int | None) -> None:
    assert parse_address(text) == (ip_address(address), prefix_length)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2",
        "192.0.2.010",
        "192.0.2.10/",
        "192.0.2.10/024",
        "192.0.2.10/33",
        "192.0.2.10/+8",
        "192.0.2.10/255.0.0.0",
        "::ffff:192.0.2.10",
        "fe80::1%eth0",
        "fe80::1%eth0/64",
        "2001:db8::/129",
        "192.0.2.10/٢٤",
        " 192.0.2.10",
        "1",
    ],
)
def test_what_cel_refuses_is_no_address(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("10ms", 10000),
        ("250ms", 250000),
        ("1s", 1000000),
        ("1.5s", 1500000),
        ("40.95s", 40950000),
        ("0s", 0),
        ("", None),
        ("1", None),
        ("s", None),
        ("1m", None),
        ("1.5ms", None),
        ("-1s", None),
        ("1s500ms", None),
        ("1.255s", None),
    ],
)
def test_durations(text: str, us: int | None) -> None:
    assert parse_interval_us(text) == us


@given(some.ip_addresses())
def test_every_address_without_disguise_is_read_as_what_it_is(address: object) -> None:
    if getattr(address, "ipv4_mapped", None) is None:
        assert parse_ip(str(address)) == address


def told(**spec: object) -> list[str]:
    return list(check_spec({"addresses": ["192.0.2.10"]} | spec))


@pytest.mark.parametrize(
    "addresses",
    [
        ["192.0.2.10"],
        ["192.0.2.0"],
        ["192.0.2.255/23"],
        ["192.0.2.0/31"],
        ["192.0.2.10/32"],
        ["2001:db8::/127"],
        ["fe80::10/64"],
    ],
)
def test_good_addresses_break_no_rule(addresses: list[str]) -> None:
    assert told(addresses=addresses) == []


def test_the_same_address_in_two_spellings_is_told_once_by_its_canonical_form() -> None:
    assert told(addresses=["2001:db8::10", "2001:0db8:0::10/64"]) == [
        f"spec.addresses: {rules.ADDRESSES_UNIQUE.message} (2001:db8::10)"
    ]


def test_problems_in_different_places_are_all_told() -> None:
    paths = {
        problem.split(":")[0]
        for problem in told(
            addresses=["192.0.2.300", "127.0.0.1", "192.0.2.10", "192.0.2.10"],
            interface="lo",
            nodes={"priorities": [{"priority": 3}], "tolerations": [{}]},
            vrrp={"advertisementInterval": "41.001s"},
        )
    }
    assert paths == {
        "spec.addresses[0]",
        "spec.addresses[1]",
        "spec.addresses",
        "spec.interface",
        "spec.nodes.priorities[0]",
        "spec.nodes.tolerations[0]",
        "spec.vrrp.advertisementInterval",
    }


@pytest.mark.parametrize(
    "vrrp",
    [
        {"preempt": False},
        {"preempt": False, "preemptDelay": "0s"},
        {"preempt": True, "preemptDelay": "900s"},
        {"preemptDelay": "1.5s"},
    ],
)
def test_good_preemption_breaks_no_rule(vrrp: dict[str, object]) -> None:
    assert told(vrrp=vrrp) == []


def test_nginx_hears_nothing_without_accept_mode() -> None:
    nginx = {"http": [{"port": 80, "upstream": {"servers": [{"address": "192.0.2.1", "port": 80}]}}]}
    assert told(nginx=nginx, vrrp={"acceptMode": True}) == told(vrrp={"acceptMode": False}) == []
    assert told(nginx=nginx, vrrp={"acceptMode": False}) == [
        f"spec.vrrp.acceptMode: {rules.NO_NGINX_WITHOUT_ACCEPT.message}"
    ]


def test_separate_families_need_version_3_for_ipv6() -> None:
    vrrp = {"families": "Separate", "version": 2}
    assert told(vrrp={"families": "Separate"}) == told(vrrp=vrrp) == []
    assert told(addresses=["192.0.2.10", "2001:db8::10/64"], vrrp=vrrp) == [
        f"spec.vrrp.families: {rules.SEPARATE_NEEDS_VERSION_3.message}"
    ]


def test_a_lower_ttl_is_for_unicast() -> None:
    assert told(vrrp={"minTTL": 255}) == told(vrrp={"minTTL": 1, "transport": "Unicast"}) == []
    assert told(vrrp={"minTTL": 254}) == [f"spec.vrrp.minTTL: {rules.MIN_TTL_NEEDS_UNICAST.message}"]


@pytest.mark.parametrize("addresses", [["192.0.2.10"], ["192.0.2.10/24", "2001:db8::10"]])
def test_message_only_and_version_2_go_where_ipv4_elects(addresses: list[str]) -> None:
    assert told(addresses=addresses, vrrp={"checksum": "MessageOnly"}) == []
    assert told(addresses=addresses, vrrp={"version": 2, "advertisementInterval": "2000ms"}) == []


@pytest.mark.parametrize("interval", ["250ms", "1.5s", "0s", "256s"])
def test_version_2_has_whole_seconds_up_to_a_byte(interval: str) -> None:
    assert told(vrrp={"version": 2, "advertisementInterval": interval}) == [
        f"spec.vrrp.advertisementInterval: {interval} {rules.INTERVAL_BOUNDS_V2.message}"
    ]


SHAPES = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.text(max_size=5)
    | some.sampled_from(["192.0.2.1", "lo", "Exists"]),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(
            some.sampled_from(
                [
                    "addresses",
                    "interface",
                    "nodes",
                    "selector",
                    "matchLabels",
                    "matchExpressions",
                    "operator",
                    "values",
                    "key",
                    "tolerations",
                    "value",
                    "priorities",
                    "name",
                    "vrrp",
                    "advertisementInterval",
                    "nginx",
                    "http",
                    "port",
                    "upstream",
                    "servers",
                    "address",
                    "service",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(SHAPES)
def test_rules_pass_over_what_has_the_wrong_shape(spec: object) -> None:
    assert all(isinstance(problem, str) for problem in check_spec(spec))


def test_a_rule_that_tells_its_value_says_so_in_cel_with_quotes_escaped() -> None:
    rule = Rule("can't be", "self != ''", tells_value=True)
    assert rule.to_cel()["messageExpression"] == r"self + ' can\'t be'"


def test_a_rule_without_cel_never_goes_into_a_crd() -> None:
    with pytest.raises(ValueError, match="no CEL"):
        rules.ADDRESS_NOT_BROADCAST.to_cel()


@pytest.mark.parametrize(
    ("text", "us"), [("10ms", 10_000), ("1s", 1_000_000), ("1.5s", 1_500_000), ("300s", 300_000_000)]
)
def test_a_checks_duration_is_read(text: str, us: int) -> None:
    assert rules.parse_duration_us(text) == us


@pytest.mark.parametrize("text", ["", "1", "1m", "-1s", "1.s", "1e3ms", "1s "])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert rules.parse_duration_us(text) is None


@pytest.mark.parametrize("host", ["169.254.1.1", "fe80::1", "224.0.0.1", "0.0.0.0", "::ffff:192.0.2.1", "127.0.0.1:80"])
def test_a_check_calls_addresses_that_can_be_called(host: str) -> None:
    spec = {"addresses": ["192.0.2.10"], "health": {"tcp": [{"host": host, "port": 80}]}}
    (problem,) = rules.check_spec(spec)
    assert problem.startswith(f"spec.health.tcp[0].host: {host} is not an IP address that can be checked")


def test_a_check_of_the_virtual_address_itself_is_refused_in_any_spelling() -> None:
    spec = {"addresses": ["2001:db8::10/64"], "health": {"http": [{"host": "2001:DB8:0::10", "port": 80}]}}
    (problem,) = rules.check_spec(spec)
    assert "is a virtual address of this object" in problem
