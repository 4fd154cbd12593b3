"""Covers tests/e2e/support/examples.py: only the documentation addresses and the stock image are replaced."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from tests.cluster.project_images import NGINX
from tests.e2e.support import examples

TEXT = """\
# 192.0.2.10 is the address
kind: VirtualIP
metadata: {name: web}
spec:
  addresses: [192.0.2.10/24, "2001:db8::10"]
---
kind: Deployment
metadata: {name: other}
spec:
  image: nginx:1.28  # stays: not at the end of the line
  more:
    image: nginx:stable
    near: 192.0.2.101
"""


def test_addresses_become_free_ones_of_their_family_and_the_rest_stays(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(TEXT)
    example = examples.fit(file, lambda family: ip_address("10.0.0.7" if family == 4 else "fd00::7"))
    assert "# 10.0.0.7 is the address" in example.text
    assert 'addresses: [10.0.0.7/24, "fd00::7"]' in example.text
    assert "near: 192.0.2.101" in example.text
    assert f"    image: {NGINX}\n" in example.text
    assert example.addresses == {"web": [ip_address("10.0.0.7"), ip_address("fd00::7")]}


def test_servers_outside_of_the_cluster_become_machines_of_the_segment(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(TEXT + "---\nkind: ConfigMap\ndata: {a: 'server 10.0.0.5:80; server 10.0.0.50:80;'}\n")
    example = examples.fit(file, lambda _: ip_address("10.1.0.7"), {"10.0.0.5": ip_address("10.1.0.200")})
    assert "server 10.1.0.200:80; server 10.0.0.50:80;" in example.text


def test_every_example_of_the_repository_can_be_made_to_fit() -> None:
    for file in examples.files():
        fitted = examples.fit(file, lambda family: ip_address("10.0.0.7" if family == 4 else "fd00::7"))
        assert fitted.objects, file
