"""Adverts with a wrong checksum for our VRID, as fast as a neighbour can send them, to both roles at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from tests.bench import accounts
from tests.bench.bench import PROGRAMS, Bench, CanNotRun, Pair, attempt, pair_of
from tests.bench.figures import Figure, Goal, Section, longest_gap_ns, turns
from tests.bench.observer import STRANGER_MAC_END
from tests.bench.programs import Vipkeeper
from tests.netns.lan import Host

INTERVAL_CS = 10
ON_TIME = Goal(300.0)
"""Three intervals are what the neighbour waits for."""
NO_MOVE, CPU = Goal(0.0), Goal(30.0)
_SOURCE = Path(__file__).with_name("junk_sender.c")
_PYTHON_SENDER = """
import socket, sys, time
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
frame, count, end = bytes.fromhex(sys.argv[2]), 0, time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    for _ in range(100):
        try:
            out.send(frame)
        except OSError:
            continue
        count += 1
print(count)
"""


@dataclass(frozen=True, slots=True)
class Flood:
    case: str
    source: str
    rate: int
    """Frames a second; 0: as fast as it goes."""


FLOODS = (
    Flood("100k/s from a stranger", "192.0.2.77", 100_000),
    Flood("full speed from a stranger", "192.0.2.77", 0),
    Flood("full speed in the Active's name", "192.0.2.1", 0),
)


def measure(bench: Bench) -> Section:
    section = Section(
        "Junk",
        "100 ms adverts. A third host multicasts adverts with a wrong checksum for our VRID; Active and Backup both get"
        " all of them. CPU is that of the process that speaks VRRP, in per cent of one processor.",
        plotted="longest gap of the Active's adverts",
    )
    with tempfile.TemporaryDirectory(prefix="vipkeeper-bench-") as folder:
        sender = _sender(Path(folder), section)
        for program in PROGRAMS:
            with attempt(bench, section, f"junk, {program.name}"), pair_of(program, INTERVAL_CS) as pair:
                stranger = pair.lan.host("stranger", ipv6=False)
                for flood in FLOODS:
                    bench.tell(f"junk, {flood.case}, {program.name}")
                    section.figures += _measure(pair, bench, stranger, sender, flood)
                if pair.observer.lost():
                    section.remarks.append(f"{program.name}: the observer lost {pair.observer.lost()} frames")
    return section


def _measure(pair: Pair, bench: Bench, stranger: Host, sender: list[str], flood: Flood) -> list[Figure]:
    seconds = 2.0 if bench.quick else 5.0
    rates, gaps, moves = [], [], []
    deaths = 0
    cpu: dict[str, list[float]] = {"Active": [], "Backup": []}
    roles = {"Active": pair.one, "Backup": pair.two}
    for _ in range(bench.times(3, 2)):
        pair.settle()
        pids = {role: item.processes()[item.worker] for role, item in roles.items()}
        before = {role: accounts.cpu_s(pid) for role, pid in pids.items()}
        begin_ns = time.time_ns()
        rates.append(_send(stranger, sender, flood, seconds) / 1000)
        end_ns = time.time_ns()
        for role, pid in pids.items():
            try:
                used_s = accounts.cpu_s(pid) - before[role]
            except FileNotFoundError:
                deaths += 1
                continue
            cpu[role].append(used_s / ((end_ns - begin_ns) / 1e9) * 100)
        gaps.append(longest_gap_ns(pair.observer.adverts_of(pair.one.host), begin_ns, end_ns) / 1e6)
        within = [advert.mac for advert in list(pair.observer.adverts) if begin_ns <= advert.at_ns < end_ns]
        moves.append(float(turns(within, pair.two.host.mac)))
    note = f"its process was killed by the kernel or by itself {deaths} times" if deaths else ""
    name, case, ours = pair.one.name, flood.case, isinstance(pair.one, Vipkeeper)
    return [
        Figure(case, name, "junk sent", "k/s", tuple(rates)),
        Figure(case, name, "longest gap of the Active's adverts", "ms", tuple(gaps), ON_TIME if ours else None),
        Figure(case, name, "false takeovers", "times", tuple(moves), NO_MOVE if ours else None, note),
        *(
            Figure(case, name, f"CPU as {role}", "%", tuple(values), CPU if ours else None)
            for role, values in cpu.items()
        ),
    ]


def _send(stranger: Host, sender: list[str], flood: Flood, seconds: float) -> float:
    """Frames a second that went out."""
    process: subprocess.Popen[str] = stranger.start(
        *(*sender, "eth0", junk_frame(flood.source, 1).hex(), str(seconds), str(flood.rate)),
        stdout=subprocess.PIPE,
        text=True,
    )
    output, _errors = process.communicate(timeout=seconds + 30)
    if process.returncode:
        raise CanNotRun(f"the sender of junk ended with {process.returncode}")
    return int(output) / seconds


def _sender(folder: Path, section: Section) -> list[str]:
    """Compiled where there is a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        section.remarks.append("There is no C compiler: the junk is sent by Python, slower and without a fixed rate.")
        return [sys.executable, "-S", "-c", _PYTHON_SENDER]
    return [str(compile_sender(compiler, folder))]


def compile_sender(compiler: str, folder: Path) -> Path:
    program = folder / "junk_sender"
    done = subprocess.run([compiler, "-O2", "-o", program, _SOURCE], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CanNotRun(f"{compiler}: {done.stderr}")
    return program


def junk_frame(source: str, vrid: int) -> bytes:
    """An advert in all things but its checksum: priority 100, 100 ms, one address."""
    message = bytes((0x31, vrid, 100, 1, 0, 10, 0, 0)) + IPv4Address("192.0.2.100").packed
    addresses = IPv4Address(source).packed + IPv4Address("224.0.0.18").packed
    head = bytes((0x45, 0xC0, 0, 20 + len(message), 0, 0, 0, 0, 255, 112))
    total = sum(int.from_bytes((head + addresses)[n : n + 2]) for n in range(0, 18, 2))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = (~((total & 0xFFFF) + (total >> 16)) & 0xFFFF).to_bytes(2)
    macs = bytes.fromhex("01005e000012") + bytes((2, 0, 0, 0, 0, STRANGER_MAC_END))
    return macs + b"\x08\x00" + head + checksum + addresses + message
