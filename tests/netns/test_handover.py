"""Handovers between `vipkeeper run`s that share a key: the client, which asks each millisecond, hardly notices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.netns.lan import Host, Lan, wait_for
from tests.netns.prober import Prober
from tests.netns.standalone import Standalone, preferring, virtualip, write

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

VIP = "192.0.2.100"
VIP6 = "2001:db8::100"
KEY = "a key that all three hosts share\n"
GAP_MS = 5.0 + 15.0
"""What is promised, and a margin for a machine that does other things besides."""
NAMES = ("one", "two", "three")


def key_file(folder: Path, text: str = KEY) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "key"
    path.touch(0o600)
    path.write_text(text)
    return path


def start(lan: Lan, file: Path, *names: str, family: int = 4) -> list[Standalone]:
    """Hosts that know each other, the first one Active."""
    return start_on(lan, file, [lan.host(name) for name in names], family)


def start_on(
    lan: Lan, file: Path, hosts: list[Host], family: int = 4, keys: tuple[str, ...] = (KEY, KEY, KEY), vip: str = ""
) -> list[Standalone]:
    names = [host.name for host in hosts]
    address = {host.name: host.ipv4 if family == 4 else host.link_local for host in hosts}
    runs = []
    for host, key in zip(hosts, keys, strict=False):
        peers = [word for name in names if name != host.name for word in ("--peer", f"{name}={address[name]}")]
        runs.append(Standalone(host, file).start("--key-file", str(key_file(lan.folder / host.name, key)), *peers))
    vip = vip or (VIP if family == 4 else VIP6)
    wait_for(f"somebody has it\n{runs[0].log()}", lambda: len(lan.owners(vip)) == 1)
    if vip not in (VIP, VIP6):
        return runs
    wait_for(f"{names[0]} has it\n{runs[0].log()}", lambda: lan.owners(vip) == [names[0]])
    for run in runs[1:]:
        wait_for(f"{run.host.name} is Backup", partial(_is_backup, run))
    return runs


def _is_backup(run: Standalone) -> bool:
    return run.states()[-1:] == ["backup"]


def _check() -> dict[str, Any]:
    return {"port": 8080, "interval": "100ms", "timeout": "100ms", "rise": 2, "fall": 2}


def _serve(host: Host) -> subprocess.Popen[Any]:
    return host.start(
        sys.executable,
        "-m",
        "http.server",
        "-b",
        "127.0.0.1",
        "8080",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(("interval", "family"), [("10ms", 4), ("250ms", 6), ("1s", 4)])
def test_a_host_that_stops_hands_over_and_the_client_does_not_notice(
    lan: Lan, tmp_path: Path, interval: str, family: int
) -> None:
    vip = VIP if family == 4 else VIP6
    spec = preferring({"one": 200}, addresses=[vip], vrrp={"advertisementInterval": interval})
    one, two = start(lan, write(tmp_path / "vip.yaml", spec), "one", "two", family=family)
    prober = Prober(lan.host("client"), vip)
    assert one.stop() == 0
    wait_for(f"two has it\n{two.log()}", lambda: lan.owners(vip) == ["two"])
    gap_ms = prober.gap_ms()
    assert "reason=Handover" in two.log(), two.log()
    assert gap_ms <= GAP_MS, f"{gap_ms} ms\n{one.log()}\n{two.log()}"


def test_a_new_address_on_hosts_that_run_is_there_at_once_when_nobody_has_it(lan: Lan, tmp_path: Path) -> None:
    spec = preferring({"one": 200}, vrrp={"advertisementInterval": "10s"})
    file = write(tmp_path / "vip.yaml", virtualip("other", vrid=52, addresses=["192.0.2.101"]))
    hosts = [lan.host(name) for name in NAMES]
    runs = start_on(lan, file, hosts, vip="192.0.2.101")
    for run in reversed(runs):
        run.reload(virtualip("other", vrid=52, addresses=["192.0.2.101"]), spec)
    wait_for(f"it is there long before 30 s have passed\n{runs[0].log()}", lambda: lan.owners(VIP) == ["one"])
    assert "reason=NobodyActive" in runs[0].log(), runs[0].log()
    assert all("vip=web vrid=51 state=active" not in run.log() for run in runs[1:])


def test_the_best_one_that_is_fit_takes_over_and_who_is_ill_says_so(lan: Lan, tmp_path: Path) -> None:
    file = write(tmp_path / "vip.yaml", preferring({"one": 200, "two": 150}, health={"tcp": [_check()]}))
    hosts = [lan.host(name) for name in NAMES]
    servers = {host.name: _serve(host) for host in hosts}
    one, two, three = start_on(lan, file, hosts)
    prober = Prober(lan.host("client"), VIP)
    servers["two"].kill()
    two.wait_for_log("TCPCheckFailed healthy=False")
    servers["one"].kill()
    wait_for(f"three has it\n{one.log()}", lambda: lan.owners(VIP) == ["three"])
    assert "reason=Handover" in three.log(), three.log()
    assert prober.gap_ms() <= GAP_MS, one.log() + three.log()
    wait_for("one waits", lambda: one.states()[-1] == "backup")
    assert "handing over vip=web peer=three" in one.log(), one.log()


def test_a_peer_that_does_not_answer_is_not_waited_for(lan: Lan, tmp_path: Path) -> None:
    file = write(tmp_path / "vip.yaml", preferring({"one": 200, "two": 150}))
    one, two, three = start(lan, file, *NAMES)
    os.kill(two.engine, signal.SIGSTOP)
    try:
        assert one.stop() == 0
        wait_for(f"three has it\n{three.log()}", lambda: lan.owners(VIP) == ["three"])
        assert "reason=PriorityZero" in three.log(), three.log()
    finally:
        os.kill(two.engine, signal.SIGCONT)
    wait_for("the better one has it in the end", lambda: lan.owners(VIP) == ["two"])
    assert "reason=Handover" not in two.log(), "the question was an old one when it was read"


def test_with_another_key_nothing_is_believed_and_vrrp_goes_on_as_ever(lan: Lan, tmp_path: Path) -> None:
    file = write(tmp_path / "vip.yaml", preferring({"one": 200}))
    hosts = [lan.host(name) for name in ("one", "two")]
    one, two = start_on(lan, file, hosts, keys=(KEY, "some other key of theirs\n"))
    one.wait_for_log("cause=UnknownKey")
    one.stop()
    wait_for(f"two has it\n{two.log()}", lambda: lan.owners(VIP) == ["two"])
    assert "reason=PriorityZero" in two.log(), two.log()


def test_keys_are_changed_without_a_gap(lan: Lan, tmp_path: Path) -> None:
    file = write(tmp_path / "vip.yaml", preferring({"one": 200}))
    one, two = start(lan, file, "one", "two")
    new = "another key for all of them\n"
    for times, text in enumerate((KEY + new, new + KEY, new), 1):
        for run in (one, two):
            key_file(run.host.lan.folder / run.host.name, text)
            run.reload()
        for run in (one, two):
            run.wait_for_log("reloaded", times)
    one.stop()
    wait_for(f"two has it\n{two.log()}", lambda: lan.owners(VIP) == ["two"])
    assert "reason=Handover" in two.log(), two.log()
    assert "cause=" not in one.log() + two.log()
