"""`vipkeeper run` on plain hosts: the set-up of two servers that keepalived's users know, from one file."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.netns.lan import Lan, stays, wait_for
from tests.netns.processes import is_alive
from tests.netns.standalone import VIP, Standalone, preferring, virtualip, write

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]


def pair(lan: Lan, file: Path) -> tuple[Standalone, Standalone]:
    """one is Active, two is Backup."""
    one, two = (Standalone(lan.host(name), file).start() for name in ("one", "two"))
    wait_for(f"one has it\n{one.log()}", lambda: lan.owners(VIP) == ["one"] and two.states() == ["backup"])
    return one, two


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "vip.yaml", preferring({"one": 200}))


def test_two_hosts_with_one_file_take_over_and_give_back(lan: Lan, file: Path) -> None:
    one, two = pair(lan, file)
    client = lan.host("client")
    wait_for("it answers", lambda: client.answers(VIP))
    one.host.cut()
    wait_for("two takes over", lambda: two.host.has(VIP))
    assert "reason=NoResponse" in two.log()
    wait_for("it answers", lambda: client.answers(VIP))
    one.host.heal()
    wait_for("one has it back, alone", lambda: lan.owners(VIP) == ["one"])
    wait_for("two knows", lambda: two.states()[-1] == "backup")
    wait_for("the client is told", lambda: client.neighbour_mac(VIP) == one.host.mac)


def test_without_preemption_a_host_that_comes_back_leaves_the_address_where_it_is(lan: Lan, file: Path) -> None:
    write(file, preferring({"one": 200}, vrrp={"advertisementInterval": "100ms", "preempt": False}))
    one, two = (Standalone(lan.host(name), file) for name in ("one", "two"))
    two.start()
    wait_for("two has it", lambda: two.host.has(VIP))
    one.start()
    wait_for("one listens", lambda: one.states() == ["backup"])
    stays("it stays with two", lambda: lan.owners(VIP) == ["two"], 1.5)
    assert one.states() == ["backup"]


def test_sigterm_gives_the_address_away_at_once_and_leaves_nothing(lan: Lan, file: Path) -> None:
    one, two = pair(lan, file)
    capture = lan.capture("vrrp")
    pids = [one.guard, one.engine]
    assert one.stop() == 0
    assert not one.host.has(VIP)
    assert [pid for pid in pids if is_alive(pid)] == []
    assert list(one.state_dir.iterdir()) == []
    wait_for("two takes it", lambda: two.host.has(VIP))
    assert "reason=PriorityZero" in two.log()
    assert "prio 0" in capture.text()
    assert one.log().splitlines()[-1].endswith("ended")


def test_ctrl_c_on_a_terminal_is_an_end_in_order(lan: Lan, file: Path) -> None:
    """And the terminal is left as it was: an engine's log never blocks, a shell's terminal has to."""
    two = Standalone(lan.host("two"), file).start()
    host = lan.host("one")
    master, terminal = pty.openpty()
    for descriptor in (master, terminal):
        lan.at_end.callback(os.close, descriptor)
    command = [sys.executable, "-m", "vipkeeper.cli", "run", "-f", str(file), "--node", "one"]
    run = host.start(
        *("setsid", "--ctty", *command, "--state-dir", str(lan.folder / "tty-run")), stdin=terminal, stderr=terminal
    )
    wait_for("it is Active", lambda: lan.owners(VIP) == ["one"])
    os.write(master, b"\x03")
    assert run.wait(30) == 0
    wait_for("two takes it", lambda: lan.owners(VIP) == ["two"])
    wait_for("at once", lambda: "reason=PriorityZero" in two.log())
    assert os.get_blocking(terminal)
    said = os.read(master, 1 << 16).decode()
    assert "state=active" in said
    assert "Traceback" not in said


def test_sighup_with_a_good_file_changes_what_is_written_and_no_state(lan: Lan, file: Path) -> None:
    one, two = pair(lan, file)
    more = [VIP, "192.0.2.101"]
    write(file, preferring({"one": 210}, addresses=more))
    for run in (one, two):
        run.reload()
        run.wait_for_log("reloaded: changed=web removed=none")
    wait_for("the new address is there", lambda: lan.owners("192.0.2.101") == ["one"])
    one.reload()
    one.wait_for_log("reloaded: changed=none removed=none")
    assert (one.states(), two.states()) == (["backup", "active"], ["backup"])


def test_sighup_with_a_bad_file_names_every_problem_and_changes_nothing(lan: Lan, file: Path) -> None:
    one, two = pair(lan, file)
    one.reload(virtualip(vrid=999, addresses=[VIP, "192.0.2.101"]), virtualip("api", vrid=7, addresses=["nowhere"]))
    one.wait_for_log("not reloaded; what ran goes on: problems=2")
    assert f"{file}: document 1 (web): spec.vrid: 999 is above 255" in one.log()
    assert f"{file}: document 2 (api): spec.addresses[0]: nowhere is not an IP address" in one.log()
    file.unlink()
    one.reload()
    one.wait_for_log(f"{file}: No such file or directory")
    stays("all is as before", lambda: lan.owners(VIP) == ["one"] and not one.host.has("192.0.2.101"), 0.5)
    assert (one.states(), two.states()) == (["backup", "active"], ["backup"])


def test_documents_that_come_and_go_with_sighup(lan: Lan, file: Path) -> None:
    one = Standalone(lan.host("one"), file).start()
    wait_for("web", lambda: one.host.has(VIP))
    other = "192.0.2.102"
    one.reload(preferring({"one": 200}), virtualip("api", vrid=52, addresses=[other]))
    wait_for("api too", lambda: one.host.has(other))
    one.reload(virtualip("api", vrid=52, addresses=[other]))
    wait_for("web is gone", lambda: not one.host.has(VIP))
    assert one.host.has(other)
    assert one.states("api") == ["backup", "active"]


def test_several_runs_on_one_machine_do_not_disturb_each_other(lan: Lan, file: Path) -> None:
    """Two in one network namespace with addresses of their own, a third on another host."""
    one, two = pair(lan, file)
    file_of_other = write(file.with_name("other.yaml"), virtualip("web", vrid=60, addresses=["192.0.2.160"]))
    other = Standalone(one.host, file_of_other, lan.folder / "second-run").start()
    wait_for("it has its own", lambda: one.host.has("192.0.2.160"))
    stays("both are there", lambda: one.host.has(VIP) and one.host.has("192.0.2.160"), 0.5)
    assert other.stop() == 0
    assert not one.host.has("192.0.2.160")
    assert (one.states(), two.states()) == (["backup", "active"], ["backup"])


def test_a_second_run_with_one_state_folder_is_refused_and_the_first_goes_on(lan: Lan, file: Path) -> None:
    one, _two = pair(lan, file)
    second = Standalone(one.host, file, one.state_dir)
    second.launch()
    assert second.wait() == 2
    assert f"--state-dir {one.state_dir}: another `vipkeeper run` uses it" in second.log()
    assert lan.owners(VIP) == ["one"]


def test_a_bad_file_starts_nothing(lan: Lan, file: Path) -> None:
    one = Standalone(lan.host("one"), write(file, virtualip(vrid=None)))
    one.launch()
    assert one.wait() == 1
    assert "spec.vrid: is missing" in one.log()
    assert not one.state_dir.exists()


def test_without_the_privileges_it_says_which(lan: Lan, file: Path) -> None:
    host = lan.host("one")
    command = [sys.executable, "-m", "vipkeeper.cli", "run", "-f", str(file), "--state-dir", str(lan.folder / "x")]
    done = subprocess.run(
        host.command("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", *command),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "CAP_NET_RAW needed" in done.stderr


def test_documents_from_standard_input_run_and_are_not_read_again(lan: Lan, file: Path) -> None:
    host = lan.host("one")
    command = [sys.executable, "-m", "vipkeeper.cli", "run", "-f", "-", "--node", "one"]
    log = lan.folder / "stdin.log"
    with file.open("rb") as documents, log.open("wb") as output:
        process = host.start(
            *command, "--state-dir", str(lan.folder / "stdin-run"), stdin=documents, stdout=output, stderr=output
        )
    wait_for("it runs", lambda: host.has(VIP))
    process.send_signal(signal.SIGHUP)
    wait_for("it says why not", lambda: "standard input can be read once only" in log.read_text())
    process.terminate()
    assert process.wait(30) == 0
