"""operator/vipkeeper/spec/nginx_rules.py: that the CEL twin says the same is shown by tests/golden/bad_specs."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.spec.objects import virtualip
from vipkeeper.spec import nginx_rules as rules
from vipkeeper.spec.nginx_rules import check_nginx, parse_timeout_ms
from vipkeeper.spec.parse import Refusal, parse_virtualip
from vipkeeper.spec.rules import Rule

UP = "upstream: {servers: [{address: 192.0.2.81, port: 80}]}"


def told(nginx: str, addresses: list[str] | None = None) -> list[str]:
    return list(check_nginx({"addresses": addresses or ["192.0.2.10"], "nginx": yaml.safe_load(nginx)}))


GOOD = [
    f"http: [{{port: 80, {UP}}}]",
    f"http: [{{port: 80, hostnames: [a.example.com], {UP}}}, {{port: 80, hostnames: [b.example.com], {UP}}}]",
    f"http: [{{port: 80, hostnames: [a.example.com], {UP}}}, {{port: 80, {UP}}}]",
    "http: [{port: 80, locations: [{path: /, response: {}}, {path: /, pathType: Exact, redirect: {scheme: https}}]}]",
    f"stream: [{{port: 53, {UP}}}, {{port: 53, protocol: UDP, {UP}}}]",
    f"{{http: [{{port: 53, {UP}}}], stream: [{{port: 53, protocol: UDP, {UP}}}]}}",
    f"http: [{{port: 80, {UP}, timeouts: {{connect: 10ms, read: 24h, send: 90m}}, snippet: 'gzip on; # yes'}}]",
    "http: [{port: 80, upstream: {balance: Hash, hashKey: $uri, servers: [{address: 192.0.2.81, port: 80}]}}]",
    f"stream: [{{port: 80, protocol: UDP, upstream: {{servers: [{{address: 192.0.2.10, port: 53}}]}}}}, {{port: 53, {UP}}}]",
]  # fmt: skip


@pytest.mark.parametrize("nginx", GOOD)
def test_good_sections_break_no_rule_and_are_parsed(nginx: str) -> None:
    assert told(nginx) == []
    result = parse_virtualip(virtualip(nginx=yaml.safe_load(nginx)))
    assert not isinstance(result, Refusal), result


BAD: list[tuple[str, str, Rule | str]] = [
    ("{}", "spec.nginx", rules.SOMETHING),
    (f"http: [{{port: 80, {UP}}}, {{port: 80, {UP}}}]", "spec.nginx.http", rules.DEFAULT_SERVER_ONCE),
    (
        f"http: [{{port: 80, hostnames: [a, b], {UP}}}, {{port: 80, hostnames: [b], {UP}}}]",
        "spec.nginx.http",
        rules.HOSTNAMES_ONCE,
    ),
    (
        f"http: [{{port: 80, hostnames: [a], {UP}, proxyProtocol: {{trustedSources: [192.0.2.1]}}}}, {{port: 80, {UP}}}]",
        "spec.nginx.http",
        rules.SAME_ON_A_PORT,
    ),
    (f"stream: [{{port: 80, {UP}}}, {{port: 80, protocol: TCP, {UP}}}]", "spec.nginx.stream", rules.STREAM_PORTS_UNIQUE),
    (f"{{http: [{{port: 80, {UP}}}], stream: [{{port: 80, {UP}}}]}}", "spec.nginx", rules.PORTS_APART),
    ("http: [{port: 80}]", "spec.nginx.http[0]", rules.SERVER_ACTION),
    (f"http: [{{port: 80, {UP}, redirect: {{}}}}]", "spec.nginx.http[0]", rules.SERVER_ACTION),
    ("http: [{port: 80, locations: [{path: /}]}]", "spec.nginx.http[0].locations[0]", rules.LOCATION_ACTION),
    (
        "http: [{port: 80, locations: [{path: /a, response: {}}, {path: /a, pathType: Prefix, response: {}}]}]",
        "spec.nginx.http[0].locations",
        rules.LOCATIONS_UNIQUE,
    ),
    ("http: [{port: 80, response: {statusCode: 302}}]", "spec.nginx.http[0].response.statusCode", rules.NO_REDIRECT),
    (
        f"http: [{{port: 80, {UP}, proxyHeaders: {{set: [{{name: Host, value: a}}, {{name: HOST, value: b}}]}}}}]",
        "spec.nginx.http[0].proxyHeaders.set",
        rules.HEADERS_UNIQUE,
    ),
    (f"stream: [{{port: 80, protocol: UDP, sendProxyProtocol: true, {UP}}}]", "spec.nginx.stream[0]", rules.STREAM_UDP),
    ("http: [{port: 80, upstream: {}}]", "spec.nginx.http[0].upstream", rules.UPSTREAM),
    (
        "http: [{port: 80, upstream: {balance: Hash, servers: [{address: 192.0.2.81, port: 80}]}}]",
        "spec.nginx.http[0].upstream",
        rules.HASH_KEY,
    ),
    (
        "http: [{port: 80, locations: [{path: /, upstream: {hashKey: $uri, service: {}}}]}]",
        "spec.nginx.http[0].locations[0].upstream",
        rules.HASH_KEY,
    ),
    (
        "stream: [{port: 80, upstream: {balance: IPHash, servers: [{address: 192.0.2.81}, {address: 192.0.2.82, backup: true}]}}]",
        "spec.nginx.stream[0].upstream",
        rules.BACKUP_BALANCE,
    ),
    (
        "http: [{port: 80, upstream: {servers: [{address: 192.0.2.81, port: 80, backup: true}]}}]",
        "spec.nginx.http[0].upstream",
        rules.BACKUP_ALONE,
    ),
    (
        "http: [{port: 80, upstream: {servers: [{address: web, port: 80}]}}]",
        "spec.nginx.http[0].upstream.servers[0].address: web",
        rules.UPSTREAM_ADDRESS,
    ),
    (
        f"http: [{{port: 80, {UP}}}, {{port: 81, upstream: {{servers: [{{address: 192.0.2.10, port: 80}}]}}}}]",
        "spec.nginx.http[1].upstream.servers[0]",
        rules.UPSTREAM_NOT_OURSELVES,
    ),
    (f"http: [{{port: 80, {UP}, timeouts: {{read: 1d}}}}]", "spec.nginx.http[0].timeouts.read: 1d", rules.TIMEOUT_TEXT),
    (f"http: [{{port: 80, {UP}, timeouts: {{read: 25h}}}}]", "spec.nginx.http[0].timeouts.read: 25h", rules.TIMEOUT_BOUNDS),
    (
        f"http: [{{port: 80, {UP}, proxyProtocol: {{trustedSources: [192.0.2.0/24, lan]}}}}]",
        "spec.nginx.http[0].proxyProtocol.trustedSources[1]: lan",
        rules.SOURCE,
    ),
    (
        f"http: [{{port: 80, {UP}, snippet: '}} server {{'}}]",
        "spec.nginx.http[0].snippet",
        'line 1: unexpected "}"',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("nginx", "path", "rule"), BAD, ids=range(len(BAD)))
def test_a_broken_rule_is_told_with_field_and_reason(nginx: str, path: str, rule: Rule | str) -> None:
    message = rule if isinstance(rule, str) else rule.message
    assert any(text.startswith(path) and message in text for text in told(nginx)), told(nginx)


def test_a_server_needs_an_address_that_clients_reach_without_a_zone() -> None:
    assert told(GOOD[0], ["fe80::1"]) == [f"spec.nginx: {rules.NEEDS_REACHABLE_ADDRESS.message}"]


@pytest.mark.parametrize(
    ("text", "value_ms"),
    [("10ms", 10), ("1s", 1000), ("5m", 300_000), ("24h", 86_400_000), ("1.5s", None), ("s", None), ("1d", None)],
)
def test_times(text: str, value_ms: int | None) -> None:
    assert parse_timeout_ms(text) == value_ms


@pytest.mark.parametrize("shape", ["a", 3, {"http": 3}, {"http": [3]}, {"stream": [{"upstream": 3}]}, {"http": [{}]}])
def test_wrong_shapes_are_left_to_the_types(shape: Any) -> None:
    list(check_nginx({"addresses": ["192.0.2.10"], "nginx": shape}))
    assert isinstance(parse_virtualip(virtualip(nginx=shape)), Refusal)
