"""`prepare` and macvlans: what is ours, what is somebody else's, and what the kernel refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.netns.lan import Host, Lan, wait_for
from tests.netns.macvlan import MAC, knob, macvlans, names
from tests.netns.speaker import document
from vipkeeper.ipc.macvlan_mark import MacvlanMark
from vipkeeper.ipc.rendered import RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

WANTED = replace(document({"one": 100}, "192.0.2.100"), virtual_mac=True)
NAME = "vrrp4-51-2"


def prepared(
    host: Host,
    *documents: RenderedVirtualIP,
    remove: Sequence[str] | None = (),
    placement: str = "default",
) -> dict[str, Any]:
    done = subprocess.run(
        host.command("env", f"VIPKEEPER_PLACEMENT={placement}", sys.executable, "-m", "vipkeeper.prepare"),
        input=json.dumps({"documents": [item.to_json() for item in documents], "remove": remove}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(json.loads(done.stdout)["results"])


def problem(result: dict[str, Any]) -> str:
    (only,) = result.values()
    (text,) = only["problems"]
    assert only["macvlan"] == ""
    return str(text)


@pytest.mark.rule(6, 100)
def test_a_macvlan_is_made_once_and_removed_by_those_who_made_it(lan: Lan) -> None:
    host = lan.host("one")
    assert prepared(host, WANTED)["web"] == {"interface": "eth0", "macvlan": NAME, "problems": []}
    (made,) = macvlans(host)
    assert (made["ifname"], made["link"], made["address"]) == (NAME, "eth0", MAC)
    assert "UP" not in made["flags"]
    assert MacvlanMark.from_alias(made["ifalias"]) == MacvlanMark(
        "default", "uid-of-web", {"arp_announce": "0", "arp_ignore": "0"}
    )
    host.run("ip", "address", "add", "192.0.2.100/32", "dev", NAME)
    prepared(host, WANTED, remove=["eth0"])
    assert macvlans(host)[0]["ifindex"] == made["ifindex"], "it is the same one"
    prepared(host, remove=None, placement="p-0000cafe")
    assert names(host) == [NAME], "another placement leaves it alone"
    prepared(host, remove=[NAME])
    assert names(host) == []
    assert knob(host, "eth0", "arp_announce") == "0"


def test_an_interface_of_our_name_that_we_did_not_make_is_left_alone(lan: Lan) -> None:
    host = lan.host("one")
    host.run("ip", "link", "add", NAME, "link", "eth0", "address", MAC, "type", "macvlan", "mode", "vepa")
    host.run("ip", "link", "set", NAME, "alias", "somebody's")
    assert "that vipkeeper has not made" in problem(prepared(host, WANTED, remove=[NAME]))
    prepared(host, remove=None)
    assert macvlans(host)[0]["ifalias"] == "somebody's"
    host.run("ip", "link", "set", NAME, "name", "vrrp.51")
    assert f"vrrp.51 has {MAC} on eth0 already" in problem(prepared(host, WANTED))


def test_what_does_not_fit_any_more_is_made_anew(lan: Lan) -> None:
    host = lan.host("one")
    prepared(host, WANTED)
    host.run("ip", "link", "set", NAME, "address", "02:00:00:00:00:99")
    host.run("ip", "link", "add", "vrrp-new", "link", "eth0", "address", MAC, "type", "macvlan")  # one was killed here
    assert prepared(host, WANTED)["web"]["problems"] == []
    (made,) = macvlans(host)
    assert (made["ifname"], made["address"]) == (NAME, MAC)


def test_one_of_another_placement_is_taken_on_with_its_virtualip_or_when_nobody_lives_there(lan: Lan) -> None:
    host = lan.host("one")
    prepared(host, WANTED, placement="p-1")
    engine = host.start(
        *(sys.executable, "-c"),
        "import socket, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind('\\0vipkeeper/p-1');"
        "time.sleep(600)",
    )
    wait_for("it lives", lambda: "@vipkeeper/p-1" in host.run("cat", "/proc/net/unix"))
    other = replace(WANTED, uid="uid-of-another")
    assert "belongs to another VirtualIP" in problem(prepared(host, other, placement="p-2"))
    assert prepared(host, WANTED, placement="p-2")["web"]["problems"] == []
    prepared(host, remove=None, placement="p-1")
    assert names(host) == [NAME], "it has moved to p-2"
    prepared(host, WANTED, placement="p-1")
    engine.kill()
    engine.wait()
    assert prepared(host, other, placement="p-2")["web"]["problems"] == []
    prepared(host, remove=None, placement="p-2")
    assert names(host) == []
    assert knob(host, "eth0", "arp_announce") == "0", "known from the first one on"


def test_what_can_not_work_is_told_with_its_reason(lan: Lan) -> None:
    host = lan.host("one")
    host.run("ip", "link", "add", "port", "type", "veth", "peer", "name", "elsewhere")
    host.run("ip", "link", "add", "bridge", "type", "bridge")
    host.run("ip", "link", "set", "port", "master", "bridge")
    assert "port is a port of a bridge or bond" in problem(prepared(host, replace(WANTED, interface="port")))
    assert "lo is no Ethernet interface" in problem(prepared(host, replace(WANTED, interface="lo")))
    missing = prepared(host, replace(WANTED, interface="eth9"))["web"]
    assert missing == {"interface": "eth9", "macvlan": "", "problems": []}, "the engine waits for it"
    host.run("sysctl", "-qw", "net.ipv4.conf.all.arp_filter=1")
    (told,) = prepared(host, WANTED)["web"]["problems"]
    assert told.startswith("net.ipv4.conf.all.arp_filter is not 0")
