"""operator/vipkeeper/spec/parse.py, and every file of tests/golden/bad_specs against it."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.spec.objects import parsed, virtualip
from vipkeeper.ipc.rendered import HealthSection, HTTPCheck, PodSelection, RenderedAddress, TCPCheck
from vipkeeper.ipc.rendered_nginx import HTTPServer, ServiceUpstream, UpstreamServer
from vipkeeper.spec.conflicts import claim_of, judge
from vipkeeper.spec.parse import ParsedVirtualIP, Refusal, RefusalReason, parse_virtualip

ROOT = Path(__file__).parents[3]
BAD_SPECS = sorted((ROOT / "tests/golden/bad_specs").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def test_defaults_are_resolved() -> None:
    item = parsed()
    assert (item.priority, item.advertisement_interval_cs, item.preempt) == (100, 25, True)
    assert (item.preempt_delay_ms, item.vrrp_version, item.checksum) == (0, 3, "PseudoHeader")
    assert (item.vrid, item.pinned_vrid, item.interface, item.nginx) == (None, None, None, None)
    assert item.placement.name == "default"
    assert item.created_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_all_fields_come_out_typed() -> None:
    item = parsed(
        vrid=51,
        priority=150,
        addresses=["192.0.2.10/24", "2001:db8::10"],
        interface="eth0",
        nodes={"selector": {"matchLabels": {"rack": "a"}}, "priorities": [{"name": "worker1", "priority": 200}]},
        vrrp={"advertisementInterval": "1.5s", "preempt": False},
        nginx={
            "http": [
                {"port": 80, "upstream": {"service": {"namespace": "default", "name": "web", "port": "http"}}},
                {"port": 81, "upstream": {"servers": [{"address": "192.0.2.81", "port": 8080}]}},
            ]
        },
    )
    assert (item.vrid, item.priority, item.interface) == (51, 150, "eth0")
    assert item.addresses == (
        RenderedAddress(ip_address("192.0.2.10"), 24),
        RenderedAddress(ip_address("2001:db8::10"), None),
    )
    assert (item.advertisement_interval_cs, item.preempt) == (150, False)
    assert item.placement.name.startswith("p-")
    assert [entry.priority for entry in item.priorities] == [200]
    assert item.nginx is not None
    assert item.nginx.http == (
        HTTPServer(80, service=ServiceUpstream("default", "web", "http")),
        HTTPServer(81, servers=(UpstreamServer("192.0.2.81", 8080),)),
    )


def test_version_2_has_another_default_and_longer_intervals() -> None:
    texts = ({"version": 2}, {"version": 2, "advertisementInterval": "255s"})
    items = [parsed(vrrp=text) for text in texts]
    assert [(item.vrrp_version, item.advertisement_interval_cs) for item in items] == [(2, 100), (2, 25500)]


def test_checks_come_out_in_milliseconds_with_their_defaults() -> None:
    http = {"port": 80, "path": "/ready?now", "interval": "1.5s", "timeout": "20ms", "rise": 1, "fall": 5}
    item = parsed(health={"http": [http], "tcp": [{"port": 5432}, {"host": "::1", "port": 53}]})
    assert item.health == HealthSection(
        http=(HTTPCheck(ip_address("127.0.0.1"), 80, 1500, 20, 1, 5, path="/ready?now"),),
        tcp=(
            TCPCheck(ip_address("127.0.0.1"), 5432, 1000, 1000, 2, 3),
            TCPCheck(ip_address("::1"), 53, 1000, 1000, 2, 3),
        ),
    )


def test_with_nginx_to_watch_health_may_say_only_what_the_ill_do() -> None:
    nginx = {"http": [{"port": 80, "upstream": {"servers": [{"address": "192.0.2.20", "port": 80}]}}]}
    assert parsed(health={"onFailure": "Release"}, nginx=nginx).health == HealthSection(on_failure="Release")


def test_the_pinned_vrid_is_read_from_status_and_a_status_that_cannot_be_read_pins_nothing() -> None:
    pinned = parse_virtualip(virtualip() | {"status": {"vrid": 77}})
    broken = parse_virtualip(virtualip() | {"status": {"vrid": "many", "nodes": 3}})
    assert isinstance(pinned, ParsedVirtualIP)
    assert isinstance(broken, ParsedVirtualIP)
    assert (pinned.pinned_vrid, broken.pinned_vrid) == (77, None)


def test_problems_of_types_and_of_rules_are_told_together() -> None:
    result = parse_virtualip(virtualip("web.1", addresses=["192.0.2.300"], vrid=256, unheard="of"))
    assert isinstance(result, Refusal)
    assert result.reason is RefusalReason.INVALID
    paths = [problem.split(":")[0] for problem in result.problems]
    assert paths == ["metadata.name", "spec.vrid", "spec.unheard", "spec.addresses[0]"]
    assert result.message.count("; ") == 3


@pytest.mark.parametrize("spec", [None, [], "text", 3])
def test_a_spec_that_is_no_object_is_refused(spec: object) -> None:
    assert isinstance(parse_virtualip(virtualip() | {"spec": spec}), Refusal)


def header(text: str, key: str) -> str | None:
    prefix = f"# {key}: "
    return next((line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix)), None)


def problems_of(objects: list[dict[str, Any]]) -> tuple[str, ...]:
    """Of the last object, once the ones before it are there."""
    results = []
    for age, item in enumerate(objects):
        item["metadata"] |= {"uid": f"uid-{age}", "generation": 1, "creationTimestamp": f"2026-01-01T00:00:0{age}Z"}
        results.append(parse_virtualip(item))
    if isinstance(results[-1], Refusal):
        return results[-1].problems
    claims = [claim_of(item, ["worker1"], []) for item in results if isinstance(item, ParsedVirtualIP)]
    return judge(claims, {})[results[-1].name].problems


@pytest.mark.parametrize("file", BAD_SPECS, ids=lambda file: file.stem)
def test_every_bad_spec_is_refused_by_the_parser_too_with_field_and_reason(file: Path) -> None:
    text = file.read_text()
    field, message = header(text, "Field"), header(text, "Parser") or header(text, "Message")
    assert header(text, "Refused by") in ("the API server", "the controller")
    assert field is not None
    assert message is not None
    problems = problems_of(list(yaml.safe_load_all(text)))
    assert any(problem.startswith(f"{field}: ") and message in problem for problem in problems), problems


def test_the_corpus_is_large() -> None:
    assert len(BAD_SPECS) >= 30


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_virtualip_of_the_examples_is_taken(file: Path) -> None:
    for item in yaml.safe_load_all(file.read_text()):
        if item["kind"] == "VirtualIP":
            item["metadata"] |= {"uid": "u", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
            assert isinstance(parse_virtualip(item), ParsedVirtualIP)


def test_each_certificate_is_a_use_of_a_secret_with_its_field() -> None:
    tls = {"secretRef": {"name": "site"}}
    one = parsed(nginx={"http": [{"port": 443, "tls": tls, "response": {}}]})
    assert [(use.path, use.reference) for use in one.secret_uses] == [
        ("spec.nginx.http[0].tls", "site_tls.crt"),
        ("spec.nginx.http[0].tls", "site_tls.key"),
    ]


def test_a_pod_selector_becomes_a_query() -> None:
    selector = {
        "namespace": "shop",
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "canary", "operator": "DoesNotExist"}],
    }
    assert parsed(health={"podSelector": selector}).health == HealthSection(
        pods=PodSelection("shop", "!canary,app=web")
    )
