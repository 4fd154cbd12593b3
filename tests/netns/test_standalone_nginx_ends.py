"""`vipkeeper run` with nginx: how a run and its nginx end together, the run that finds what was left, and whom it runs as.

Covers operator/vipkeeper/standalone/nginx_process.py and until_parent_ends.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.nginx_run import NginxRun, ask, nginx_pair, page
from tests.netns.processes import is_alive
from tests.netns.standalone import VIP, preferring, write

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "nginx", "curl")]


@pytest.fixture
def pair(lan: Lan, tmp_path: Path) -> tuple[NginxRun, NginxRun]:
    return nginx_pair(lan, tmp_path)


def test_the_run_killed_its_nginx_ends_and_the_next_run_serves(lan: Lan, pair: tuple[NginxRun, NginxRun]) -> None:
    one, two = pair
    processes = [one.master, *one.workers]
    one.send(signal.SIGKILL)
    one.wait()
    wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
    wait_for("nginx has ended", lambda: not any(is_alive(pid) for pid in processes))
    assert ":80 " not in one.host.run("ss", "-Hltn")
    one.start()
    wait_for("one has it again", lambda: lan.owners(VIP) == ["one"], 30)
    assert ask(lan.host("client")) == "one"
    assert two.states()[-1] == "backup"


def test_everything_killed_at_once_the_next_run_finds_the_workers_that_are_left(
    lan: Lan, pair: tuple[NginxRun, NginxRun]
) -> None:
    one, _two = pair
    workers = one.workers
    pids = [one.pid, one.guard, one.engine, one.master]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    one.wait()
    wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
    assert all(is_alive(pid) for pid in workers), "what nginx does by itself; the next lines are about that"
    one.start()
    one.wait_for_log("processes of an nginx without its run are ended")
    one.wait_for_log("nginx started", 2)
    assert not any(is_alive(pid) for pid in workers)
    wait_for("one has it again", lambda: lan.owners(VIP) == ["one"], 30)
    assert ask(lan.host("client")) == "one"


def test_a_running_download_has_a_moment_and_then_the_run_ends(lan: Lan, tmp_path: Path, open_folder: Path) -> None:
    """By way of an address of the host, which does not move."""
    host = lan.host("one")
    (open_folder / "big").write_bytes(bytes(1 << 20))
    snippet = f"listen {host.ipv4}:80; limit_rate 400k; root {open_folder}; location = /big {{ }}"
    run = NginxRun(host, write(tmp_path / "vip.yaml", preferring({}, nginx=page("one", snippet=snippet)))).start()
    wait_for("it serves", run.serves, 40)
    client = lan.host("client")
    command = ["curl", "-s", "-f", "-o", str(tmp_path / "got"), f"http://{host.ipv4}/big"]
    download = client.start(*command, stderr=subprocess.DEVNULL)
    wait_for("it runs", lambda: (tmp_path / "got").exists() and (tmp_path / "got").stat().st_size)
    assert run.stop() == 0
    assert download.wait(10) == 0
    assert (tmp_path / "got").stat().st_size == 1 << 20


def test_nginx_serves_until_the_address_has_gone(lan: Lan, pair: tuple[NginxRun, NginxRun]) -> None:
    """A planned stop: the engine goes first."""
    one, _two = pair
    assert one.stop() == 0
    lines = one.log().splitlines()
    left = next(number for number, line in enumerate(lines) if " left took_ms=" in line)
    assert "nginx is gone" not in "\n".join(lines[:left])
    wait_for("two has it", lambda: lan.owners(VIP) == ["two"])
    stays("it answers", lambda: ask(lan.hosts[1]) == "two", 0.5)


def test_a_root_that_may_not_do_what_nginx_needs_is_told(lan: Lan, tmp_path: Path) -> None:
    run = NginxRun(lan.host("one"), write(tmp_path / "vip.yaml", preferring({}, nginx=page("one"))))
    run.prefix = ["setpriv", "--bounding-set=-setuid,-chown", "--inh-caps=-setuid,-chown"]
    run.launch()
    assert run.wait() == 2
    assert "CAP_CHOWN and CAP_SETUID needed" in run.log()


_HOME_FOR_ALL = """
set -e
mount --make-rprivate /
if [ -d /root/.pyenv ]; then
    mkdir -p "$1" && mount --bind /root/.pyenv "$1"
    mount -t tmpfs -o mode=0755 tmpfs /root && mkdir /root/.pyenv && mount --move "$1" /root/.pyenv
fi
shift
exec "$@"
"""
"""A Python in root's home can't be reached by others; here it can."""


def test_without_root_nginx_runs_with_the_privileges_that_it_is_given(
    lan: Lan, tmp_path: Path, open_folder: Path
) -> None:
    """`User=` and `AmbientCapabilities=` of a service. Its workers are the same user."""
    state = open_folder / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    run = NginxRun(lan.host("one"), write(open_folder / "vip.yaml", preferring({}, nginx=page("one"))), state)
    capabilities = "+net_admin,+net_raw,+net_bind_service"
    run.prefix = ["unshare", "--mount", "sh", "-c", _HOME_FOR_ALL, "sh", str(tmp_path / "home"), "setpriv"]
    run.prefix += ["--reuid=65534", "--regid=65534", "--clear-groups", f"--inh-caps={capabilities}"]
    run.prefix.append(f"--ambient-caps={capabilities}")
    run.start()
    wait_for(f"it serves\n{run.log()}", run.serves, 40)
    client = lan.host("client")
    wait_for("it answers", lambda: ask(client) == "one")
    assert Path(f"/proc/{run.master}").stat().st_uid == 65534
    assert run.stop() == 0


def test_a_root_with_little_more_than_that_is_enough(lan: Lan, tmp_path: Path) -> None:
    """CapabilityBoundingSet= of the service in docs/standalone.md."""
    service = (Path(__file__).parents[2] / "docs/standalone.md").read_text()
    lines = [line for line in service.splitlines() if line.startswith("CapabilityBoundingSet=")]
    names = [name.removeprefix("CAP_").lower() for line in lines for name in line.partition("=")[2].split()]
    wanted = ",".join(["-all", *(f"+{name}" for name in names)])
    run = NginxRun(lan.host("one"), write(tmp_path / "vip.yaml", preferring({}, nginx=page("one"))))
    run.prefix = ["setpriv", f"--bounding-set={wanted}", "--no-new-privs"]
    run.start()
    wait_for(f"it serves\n{run.log()}", run.serves, 40)
    client = lan.host("client")
    wait_for("it answers", lambda: ask(client) == "one")
    workers = run.workers
    run.kill_nginx()
    run.wait_for_log("nginx started", 2)
    assert not any(is_alive(pid) for pid in workers)
    assert run.stop() == 0
