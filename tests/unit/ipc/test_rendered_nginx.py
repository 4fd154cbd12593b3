"""operator/vipkeeper/ipc/rendered_nginx.py"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.spec.objects import document
from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import (
    TLS,
    Header,
    HTTPServer,
    Location,
    NginxSection,
    ProxyHeaders,
    ProxyProtocol,
    Redirect,
    Response,
    ServiceUpstream,
    StreamServer,
    Timeouts,
    Upstream,
    UpstreamServer,
    services_of,
)

PLAIN = HTTPServer(80, (UpstreamServer("192.0.2.81", 80),))
DNS = ServiceUpstream("kube-system", "dns", "dns", "UDP")
EVERYTHING = NginxSection(
    (
        HTTPServer(
            80,
            (UpstreamServer("192.0.2.81", 80, 5, False, 3, 1000), UpstreamServer("192.0.2.82", 80, backup=True)),
            balance="LeastConnections",
            tls=TLS("site", "TLSv1.3", False),
            hostnames=("a.example.com", "*.b.example.com"),
            locations=(
                Location("/old", "Exact", redirect=Redirect("https", "c.example.com", 8443, "/new", 308)),
                Location("/up", response=Response(204, "", "text/html")),
                Location(
                    "/api", upstream=Upstream(service=ServiceUpstream("a", "b", 1), balance="Hash", hash_key="$x")
                ),
            ),
            proxy_headers=ProxyHeaders((Header("X-A", "b"),), ("Server",)),
            timeouts=Timeouts(1, 2, 3),
            max_body_size=10,
            proxy_protocol=ProxyProtocol(("192.0.2.0/24",)),
            access_log="JSON",
            snippet="gzip on;",
        ),
    ),
    (
        StreamServer(
            53, "UDP", Upstream(service=DNS), Timeouts(idle_ms=5), None, False, "Combined", "a b;", TLS("mail")
        ),
    ),
)


def read(nginx: Any) -> RenderedVirtualIP:
    value = document("w1").to_json() | {"format": 3, "nginx": nginx}
    return RenderedVirtualIP.from_json(json.loads(json.dumps(value)))


def test_everything_survives_the_way_through_json_in_format_3() -> None:
    full = document("w1", nginx=EVERYTHING)
    assert full.to_json()["format"] == 3
    assert RenderedVirtualIP.from_json(json.loads(json.dumps(full.to_json()))) == full


@pytest.mark.parametrize("changes", [{"hostnames": ("a",)}, {"snippet": "a;"}, {"access_log": "JSON"}, {"port": 81}])
def test_an_agent_of_before_gets_what_it_understands_in_its_own_format(changes: dict[str, Any]) -> None:
    written = document("w1", nginx=NginxSection((replace(PLAIN, **changes),))).to_json()
    assert written["format"] == (1 if "port" in changes else 3)


def test_a_weight_or_a_stream_is_format_3_as_well() -> None:
    heavy = HTTPServer(80, (UpstreamServer("192.0.2.81", 80, weight=2),))
    stream = StreamServer(80, upstream=Upstream((UpstreamServer("192.0.2.81", 80),)))
    for section in (NginxSection((heavy,)), NginxSection((PLAIN,), (stream,)), NginxSection((), (stream,))):
        assert document("w1", nginx=section).to_json()["format"] == 3


@pytest.mark.parametrize(
    ("nginx", "problem"),
    [
        ({"http": [{"port": 80}]}, "nginx.http[0]: needs exactly one of servers and service, or a redirect,"),
        ({"http": [{"port": 80, "locations": [{"path": "/"}]}]}, "nginx.http[0].locations[0]: needs exactly one of"),
        ({"stream": [{"port": 80}]}, "nginx.stream[0]: needs an upstream"),
        ({"stream": [{"port": 80, "upstream": {}}]}, "nginx.stream[0].upstream: needs exactly one of"),
        ({"http": [{"port": 80, "redirect": {"statusCode": 200}}]}, "nginx.http[0].redirect.statusCode: 200 is not in"),
    ],
)
def test_what_makes_no_server_is_refused(nginx: Any, problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        read(nginx)
    assert any(text.startswith(problem) for text in caught.value.problems), caught.value.problems


def test_every_service_is_found() -> None:
    assert services_of(EVERYTHING) == {DNS, ServiceUpstream("a", "b", 1)}


def test_a_node_needs_the_secrets_of_every_certificate_and_the_engine_none() -> None:
    full = document("w1", nginx=EVERYTHING)
    assert set(full.secrets) == {"site_tls.crt", "site_tls.key", "mail_tls.crt", "mail_tls.key"}
    assert full.engine_secrets == {}
