"""Each feature of `spec.nginx`, from the user's YAML to what real nginx takes. What it then does is shown by requests in
tests/netns/test_nginx_serving.py.

The golden files begin after what all configurations have in common (tests/golden/nginx/empty.conf).
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from tests.golden import assert_golden
from tests.unit.render.nginx_tester import make_certificate, nginx_says
from tests.unit.spec.objects import parsed
from vipkeeper.ipc.rendered_nginx import ServiceUpstream
from vipkeeper.render.document import render_document
from vipkeeper.render.nginx import NginxConfiguration, NginxPaths, render_nginx
from vipkeeper.render.nginx_origin import Origin, origin_of
from vipkeeper.render.nginx_upstream import Endpoint
from vipkeeper.spec.placement import Node

FEATURES: dict[str, str] = yaml.safe_load((Path(__file__).parent / "nginx_features.yaml").read_text())
STOCK = NginxPaths()
ENDPOINTS = {
    ServiceUpstream("default", "web", "http"): (Endpoint(ip_address("10.244.1.5"), 8080),),
    ServiceUpstream("kube-system", "dns", 53, "UDP"): (Endpoint(ip_address("fd00::5"), 5353),),
}


def rendered(nginx: object, name: str = "web", paths: NginxPaths = STOCK) -> NginxConfiguration:
    document = render_document(
        parsed(name, addresses=["192.0.2.10", "2001:db8::10"], nginx=nginx), 51, [Node("w1", {})]
    )
    return render_nginx([document], ENDPOINTS, 17410, paths)


def own_part(text: str) -> str:
    """From the first log format or mark on."""
    lines = text.splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if line.startswith(("    log_format", "    # web: ")))
    return "".join(lines[first:])


@pytest.mark.parametrize("feature", FEATURES)
def test_what_is_written_for_it(feature: str) -> None:
    assert_golden(f"nginx/feature-{feature}.conf", own_part(rendered(FEATURES[feature]).text))


@pytest.mark.root
@pytest.mark.requires("nginx", "unshare")
@pytest.mark.parametrize("feature", FEATURES)
def test_nginx_takes_it_without_a_warning(feature: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    if feature == "tls":
        make_certificate(tmp_path / "tls/site-.pem")
    said = nginx_says(tmp_path, rendered(FEATURES[feature], paths=NginxPaths(str(tmp_path), str(tmp_path))).text)
    assert "warn" not in said
    assert "test is successful" in said


UP = {"servers": [{"address": "192.0.2.81", "port": 80}]}


@pytest.mark.root
@pytest.mark.requires("nginx", "unshare")
@pytest.mark.parametrize(
    ("nginx", "words", "field"),
    [
        ({"http": [{"port": 80, "upstream": UP, "snippet": "bogus on;"}]}, "unknown directive", "http[0].snippet"),
        (
            {"http": [{"port": 80, "upstream": UP, "locations": [{"path": "/a", "response": {"body": "$nothing"}}]}]},
            'unknown "nothing" variable',
            "http[0].locations[0]",
        ),
        (
            {"http": [{"port": 80, "upstream": UP}, {"port": 81, "redirect": {"path": "/$nothing"}}]},
            'unknown "nothing" variable',
            "http[1]",
        ),
        ({"stream": [{"port": 80, "upstream": UP, "snippet": "gzip on;"}]}, "is not allowed here", "stream[0].snippet"),
        (
            {"http": [{"port": 80, "upstream": UP | {"balance": "Hash", "hashKey": "$nothing"}}]},
            'unknown "nothing" variable',
            "http[0].upstream",
        ),
    ],
)
def test_what_nginx_refuses_is_led_back_to_its_field(nginx: object, words: str, field: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    text = rendered(nginx, paths=NginxPaths(str(tmp_path), str(tmp_path))).text
    said = nginx_says(tmp_path, text)
    assert words in said
    assert origin_of(said, text) == Origin("web", f"spec.nginx.{field}"), said
