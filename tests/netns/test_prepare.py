"""`prepare` as the guard runs it, on a node with several interfaces."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.netns.lan import Host, Lan
from tests.netns.speaker import document
from vipkeeper.ipc.rendered import RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]


def prepared(host: Host, *documents: RenderedVirtualIP) -> dict[str, Any]:
    request = json.dumps({"documents": [item.to_json() for item in documents]})
    done = subprocess.run(
        host.command(sys.executable, "-m", "vipkeeper.prepare"),
        input=request,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(json.loads(done.stdout)["results"])


def test_the_interface_is_chosen_from_what_the_kernel_says(lan: Lan) -> None:
    host = lan.host("one", default_route=True)
    host.run("ip", "link", "add", "storage", "type", "veth", "peer", "name", "pod")
    for name in ("storage", "pod"):
        host.run("ip", "link", "set", name, "up")
    host.run("ip", "address", "add", "10.7.0.1/16", "dev", "storage")
    host.run("ip", "address", "add", "10.7.3.1/32", "dev", "pod")
    host.run("ip", "route", "add", "10.7.3.9/32", "dev", "pod")
    host.run("ip", "-6", "route", "add", "2001:db8:7::/64", "dev", "storage")
    documents = {
        "eth0": document({"one": 1}, "192.0.2.100", name="near"),
        "storage": document({"one": 1}, "10.7.3.9", name="storage"),
    }
    results = prepared(
        host,
        *documents.values(),
        document({"one": 1}, "203.0.113.1", name="far"),
        document({"one": 1}, "2001:db8:7::1", name="advertised"),
        document({"one": 1}, "2001:db8:9::1", name="nowhere"),
    )
    chosen = {name: result["interface"] for name, result in results.items()}
    assert chosen == {"near": "eth0", "storage": "storage", "far": "eth0", "advertised": "storage", "nowhere": ""}
    assert "no default route" in results["nowhere"]["problems"][0]


def test_a_virtual_address_that_is_on_an_interface_does_not_choose_it(lan: Lan) -> None:
    host = lan.host("one", ipv4=False)
    host.run("ip", "address", "add", "192.0.2.100/32", "dev", "eth0")
    (result,) = prepared(host, document({"one": 1}, "192.0.2.100/24")).values()
    assert result["interface"] == ""


def test_settings_hold_afterwards_in_this_network_namespace_only(lan: Lan) -> None:
    host, other = lan.host("one"), lan.host("two")
    (result,) = prepared(host, document({"one": 1}, "192.0.2.100", nginx=True)).values()
    assert result == {"interface": "eth0", "macvlan": "", "problems": []}
    knobs = ["net.ipv4.ip_nonlocal_bind", "net.ipv6.ip_nonlocal_bind"]
    assert host.run("sysctl", "-n", *knobs).split() == ["1", "1"]
    assert other.run("sysctl", "-n", *knobs).split() == ["0", "0"]
