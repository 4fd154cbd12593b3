"""What the engine weighs and loads, what it costs, and how fast it is back."""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.netns.lan import Lan, wait_for
from tests.netns.speaker import Speaker, document
from vipkeeper.engine.agent_socket import AGENT_UID

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump", "capsh")]

VIP = "192.0.2.100"
ENGINE_KIB = 16 * 1024
FORBIDDEN = (
    *("asyncio", "logging", "ssl", "http", "urllib.request", "email", "subprocess", "threading", "typing_extensions"),
    *("pyroute2", "kubernetes", "kopf", "pydantic", "yaml", "crossplane", "typer", "scapy", "hashlib", "decimal"),
)


def test_the_engine_loads_nothing_that_weighs() -> None:
    code = "import sys, vipkeeper.engine.guard; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=_path())
    loaded = set(done.stdout.split())
    assert "vipkeeper.engine.engine" in loaded
    assert not loaded & set(FORBIDDEN)
    ours = {name for name in loaded if name.startswith("vipkeeper.")}
    assert {name.split(".")[1] for name in ours} == {"engine", "health", "ipc", "journal", "peering", "vrrp"}


def _path() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2] / "operator")}


def test_the_engine_stays_below_its_memory_goal(lan: Lan, record_property: Callable[[str, object], None]) -> None:
    one = Speaker(lan.host("one"), nginx=True).start()
    addresses = [f"192.0.2.{number}" for number in range(100, 110)]
    for number, address in enumerate(addresses, start=1):
        one.apply(document({"one": 200}, address, name=f"vip-{number}", vrid=number, nginx=True))
    for number in range(1, 11):
        one.wait_until("Active", f"vip-{number}")
    sizes = {name: _memory(pid) for name, pid in (("engine", one.engine), ("guard", one.guard))}
    for name, fields in sizes.items():
        print(f"{name}: PSS {fields['Pss'] / 1024:.1f} MiB, RSS {fields['Rss'] / 1024:.1f} MiB")
        record_property(f"{name}_pss_kib", fields["Pss"])
    assert sizes["engine"]["Pss"] <= ENGINE_KIB


def _memory(pid: int) -> dict[str, int]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(number) for name, number in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}


def test_the_engine_asks_for_real_time_and_its_children_do_not_inherit_it(lan: Lan) -> None:
    if not _real_time_is_to_be_had():
        pytest.skip("this machine refuses real-time scheduling")
    one = Speaker(lan.host("one")).start()
    wait_for("the engine is ready", one.agent.is_welcome)
    assert os.sched_getscheduler(one.engine) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR
    assert os.sched_getparam(one.engine).sched_priority > os.sched_getparam(one.guard).sched_priority
    one.apply(document({"one": 200}, VIP))
    one.wait_until("Active")
    assert _memory(one.engine)["Locked"] > 0


def _real_time_is_to_be_had() -> bool:
    child = os.fork()
    if child == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def test_an_engine_of_fast_adverts_is_back_before_the_neighbours_patience_ends(lan: Lan) -> None:
    """Adverts each 50 ms: 150 ms for death, fork, netlink dump and sockets. (Measured: 6 ms on an idle machine.)"""
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    for speaker in (one, two):
        speaker.apply(document({"one": 200, "two": 100}, VIP, interval_cs=5))
    one.wait_until("Active")
    two.wait_until("Backup")
    before = two.agent.transitions()
    capture = lan.capture("vrrp")
    for _ in range(3):
        killed = one.kill_engine()
        one.wait_for_another_engine(killed)
        one.wait_until("Active")
    wait_for("the rhythm is seen", lambda: len(capture.lines()) > 10)
    sent = [float(line.split()[0]) for line in capture.lines() if "VRRPv3" in line]
    print(f"longest pause between adverts: {max(b - a for a, b in pairwise(sent)) * 1000:.1f} ms")
    assert two.agent.transitions() == before


def test_a_refused_real_time_is_said_once_and_makes_the_lease_longer(lan: Lan) -> None:
    host = lan.host("one")
    one = Speaker(host)
    with one.log_path.open("ab") as log:
        one.process = subprocess.Popen(
            host.command("capsh", "--drop=cap_sys_nice,cap_ipc_lock,cap_sys_resource", "--", "-c", one.shell_command()),
            env=one.environment,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, 9, 0, 0, 0),
        )
    host.processes.append(one.process)
    one.apply(document({"one": 200}, VIP))
    one.wait_until("Active")
    assert one.log().count("real-time scheduling is refused") == 2  # guard and engine
    assert host.address_details(VIP)["valid_life_time"] >= 1
    assert re.search(r"valid_lft 2sec", _first_lease(one)), "the lease of 250 ms adverts is 2 s without real time"


def _first_lease(speaker: Speaker) -> str:
    return wait_for("a fresh lease", lambda: _fresh(speaker), 5, 0.01)


def _fresh(speaker: Speaker) -> str:
    shown = speaker.host.run("ip", "address", "show", "dev", "eth0", "to", VIP)
    return shown if "valid_lft 2sec" in shown else ""


def test_the_privileges_of_the_pod_are_enough(lan: Lan) -> None:
    """drop ALL, add NET_ADMIN NET_RAW SYS_NICE IPC_LOCK; root without DAC_OVERRIDE; run folder root:65532, setgid."""
    host = lan.host("one")
    one = Speaker(host, nginx=True)
    os.chown(one.run_dir, 0, AGENT_UID)
    one.run_dir.chmod(0o2770)
    (one.run_dir / "nginx").chmod(0o755)
    kept = "cap_net_admin,cap_net_raw,cap_sys_nice,cap_ipc_lock"
    dropped = ",".join(set(_all_capabilities()) - set(kept.split(",")))
    with one.log_path.open("ab") as log:
        one.process = host.start(
            *("capsh", "--no-new-privs", f"--drop={dropped}", "--", "-c", one.shell_command()),
            env=one.environment,
            stdout=log,
            stderr=log,
        )
    one.apply(document({"one": 200}, VIP, nginx=True))
    status = one.wait_until("Active")
    assert status.ailments == ("NginxGone",)
    bounding = re.search(r"CapEff:\t(\w+)", Path(f"/proc/{one.engine}/status").read_text())
    assert bounding is not None
    assert int(bounding[1], 16).bit_count() == 4
    socket_file = (one.run_dir / "engine.sock").stat()
    assert (socket_file.st_uid, socket_file.st_gid, socket_file.st_mode & 0o777) == (0, AGENT_UID, 0o660)
    for trouble in ("refused", "Permission", "not permitted", "can't"):
        assert trouble not in one.log()
    wait_for("kept", lambda: one.stored() == {"web": 1})
    assert host.run("sysctl", "-n", "net.ipv4.ip_nonlocal_bind").strip() == "1"


def _all_capabilities() -> list[str]:
    shown = subprocess.run(["capsh", "--print"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"^Bounding set =(\S+)$", shown, re.MULTILINE)
    assert found is not None
    return found[1].split(",")
