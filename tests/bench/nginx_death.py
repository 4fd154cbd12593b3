"""nginx is killed on the Active and stays dead, at three intervals: for how long are clients refused?

Beside keepalived in two ways: `track_process`, which the kernel tells of a process that ends, and the check script that
most people have (each two seconds, two failures). And beside our own nginx, one that somebody else has started.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path

from tests.bench.asker import ANSWERED, Asker, Request
from tests.bench.bench import Bench, CanNotRun, attempt
from tests.bench.figures import Figure, Goal, Section
from tests.bench.members import KeepalivedRun, Member, VipkeeperRun, Wish, keepalived_conf, vip_yaml
from tests.bench.planned import PlannedPair, planned_pair
from tests.bench.pods import Nginx as Sidecar
from tests.bench.pods import VipkeeperPod
from tests.bench.programs import Keepalived
from tests.netns.lan import Host, wait_for
from tests.netns.own_nginx import Nginx
from tests.netns.standalone import write

GOAL = Goal(20.0)
QUANTITY = "longest client gap"
RATE = 200
LATE_MS = 100.0
"""What is answered later than that was lost first: a SYN is sent again after 1 s."""
PAIRS, ROUNDS = (2, 1), 2
"""Full and quick; and deaths of each pair. vipkeeper would take a third one within minutes for flapping."""
INTERVALS_CS = ((1, 25, 100), (25,))
"""Full and quick."""
BEFORE_S, AFTER_S = 1.0, 1.0
_CONNECTOR = Path(__file__).with_name("process_connector.c")
_numbers = count()


class VipkeeperBeside(VipkeeperRun):
    """An HTTP check as it is by default."""

    name = "vipkeeper, another's nginx"

    def configure(self) -> None:
        spec = vip_yaml(self.wish, self.priority)
        spec["spec"]["health"] = {"http": [{"port": 80}]}
        write(self.folder / "vip.yaml", spec)

    def start(self) -> None:
        self.nginx = Nginx(self.host)
        super().start()
        self._run.wait_for_log("healthy=True")


class KeepalivedBeside(KeepalivedRun):
    def __init__(self, host: Host, wish: Wish, peers: Mapping[str, Sequence[str]]) -> None:
        self.process_name = f"ng{os.getpid() % 10000}x{next(_numbers)}"
        super().__init__(host, wish, peers)

    def configure(self) -> None:
        text = keepalived_conf(self.wish, self.priority, Keepalived.options, self.folder / "check")
        tracked, tracking = self.tracking()
        begin = "vrrp_instance VI {"
        text = text.replace(begin, f"{tracked}\n{begin}\n{tracking}")
        (self.folder / "keepalived.conf").write_text(text)

    def tracking(self) -> tuple[str, str]:
        """What stands before the instance, and in it."""
        raise NotImplementedError

    def start(self) -> None:
        self.nginx = Nginx(self.host, name=self.process_name)
        super().start()


class KeepalivedTracking(KeepalivedBeside):
    name = "keepalived, track_process"

    def start(self) -> None:
        library = self.folder / "process_connector.so"
        compile_connector(library)
        self.before = ("env", f"LD_PRELOAD={library}", f"FIRST_NETWORK_NAMESPACE=/proc/{os.getpid()}/ns/net")
        super().start()

    def tracking(self) -> tuple[str, str]:
        tracked = f"vrrp_track_process nginx {{\n    process {self.process_name}\n    quorum 1\n}}"
        return tracked, "    track_process {\n        nginx\n    }"


class KeepalivedAsking(KeepalivedBeside):
    name = "keepalived, check script"

    def tracking(self) -> tuple[str, str]:
        script = self.folder / "check"
        script.write_text("#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/80\n")
        script.chmod(0o755)
        tracked = f'vrrp_script serves {{\n    script "{script}"\n    interval 2\n    fall 2\n    rise 1\n}}'
        return tracked, "    track_script {\n        serves\n    }"


Serving = VipkeeperPod | VipkeeperBeside | KeepalivedTracking | KeepalivedAsking
PROGRAMS: tuple[type[Serving], ...] = (VipkeeperPod, VipkeeperBeside, KeepalivedTracking, KeepalivedAsking)


def measure(bench: Bench) -> Section:
    section = Section(
        "nginx dies",
        f"SIGKILL to all processes of nginx on the Active, which stays dead; a client opens a connection each"
        f" {1000 // RATE} ms. The gap is the longest time in which every request was lost: refused, reset, or not answered"
        f" within {LATE_MS:g} ms. vipkeeper with peers and a key. keepalived's track_process has the process connector of"
        " the first network namespace, which the others lack; its check script asks each 2 s, two failures.",
        plotted=QUANTITY,
    )
    for interval_cs in INTERVALS_CS[bench.quick]:
        for program in PROGRAMS:
            _measure(bench, section, program, interval_cs)
    return section


def _measure(bench: Bench, section: Section, program: type[Serving], interval_cs: int) -> None:
    case = f"{interval_cs * 10} ms adverts"
    what = f"nginx dies, {case}, {program.name}"
    gaps: list[float] = []
    lost: list[float] = []
    for _ in range(bench.times(*PAIRS)):
        with attempt(bench, section, what), planned_pair(what, program, Wish(interval_cs=interval_cs)) as pair:
            for _ in range(ROUNDS):
                requests = _once(pair)
                gaps.append(gap_ms(requests))
                lost.append(float(sum(not _is_answered(item) for item in requests)))
    goal = GOAL if not issubclass(program, KeepalivedRun) else None
    section.figures += [
        Figure(case, program.name, QUANTITY, "ms", tuple(gaps), goal),
        Figure(case, program.name, "requests lost", "requests", tuple(lost)),
    ]


def _once(pair: PlannedPair) -> list[Request]:
    pair.settle()
    asker = Asker(pair.client, pair.wish.vip, RATE)
    time.sleep(BEFORE_S)
    pair.random_moment()
    _kill(pair.one)
    pair.wait_for_owner("two")
    time.sleep(AFTER_S)
    requests = asker.end()
    _nginx_of(pair.one).start()
    wait_for("nginx serves again", partial(_serves, pair.one.host))
    return requests


def gap_ms(requests: Sequence[Request]) -> float:
    """The longest row of lost ones, from the sending of the first to that of the next that was answered."""
    longest_ns, since_ns = 0, None
    for item in requests:
        if _is_answered(item):
            longest_ns = max(longest_ns, item.sent_ns - since_ns if since_ns is not None else 0)
            since_ns = None
        elif since_ns is None:
            since_ns = item.sent_ns
    if since_ns is not None:
        longest_ns = max(longest_ns, requests[-1].sent_ns - since_ns)
    return longest_ns / 1e6


def compile_connector(library: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        raise CanNotRun("there is no C compiler, which track_process in a network namespace needs")
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_CONNECTOR), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CanNotRun(f"{compiler}: {done.stderr}")


def _is_answered(item: Request) -> bool:
    return item.outcome == ANSWERED and item.took_ms <= LATE_MS


def _kill(member: Member) -> None:
    nginx = _nginx_of(member)
    if isinstance(nginx, Nginx):
        nginx.kill_all()
    else:
        nginx.kill()


def _nginx_of(member: Member) -> Nginx | Sidecar:
    assert isinstance(member, Serving)
    return member.nginx


def _serves(host: Host) -> bool:
    return host.run("ss", "-Hltn", "sport", "=", ":80") != ""
