"""The journal of real engines: written when asked for and on a crash, and replayed without a difference."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from tests.netns.lan import Lan, run, wait_for
from tests.netns.speaker import Speaker, document, edited
from tests.netns.standalone import Standalone, virtualip, write
from vipkeeper.ipc.authentication import HmacAuthentication, HmacKeyReference, PasswordAuthentication
from vipkeeper.ipc.messages import Secrets

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
BREAK_IT = """
from vipkeeper.vrrp.router import VirtualRouter

def fail(self, now_ns):
    raise ZeroDivisionError("broken by the test")

VirtualRouter._answer_loser = fail
"""


def journals(state_dir: Path, why: str) -> list[Path]:
    folder = state_dir / "journal"
    return sorted(folder.glob(f"*-{why}.journal")) if folder.is_dir() else []


def the_journal(state_dir: Path, why: str) -> Path:
    return wait_for(f"a journal because of {why}", lambda: journals(state_dir, why))[-1]


def replayed(file: Path) -> tuple[int, str]:
    """Exit code and output of the real command."""
    command = [sys.executable, "-m", "vipkeeper.cli", "replay", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_after_a_takeover_sigusr1_writes_a_journal_that_is_replayed_without_a_difference(lan: Lan) -> None:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    for speaker in (one, two):
        speaker.apply(document({"one": 200, "two": 100}, VIP, interval_cs=5))
    one.wait_until("Active")
    two.wait_until("Backup")
    one.host.cut()
    two.wait_until("Active")
    one.host.heal()
    two.wait_until("Backup")
    capture = lan.capture("vrrp")
    for speaker in (one, two):
        os.kill(speaker.guard, signal.SIGUSR1)
        code, told = replayed(the_journal(speaker.state_dir, "SIGUSR1"))
        assert "no difference: 1 routers" in told
        assert code == 0
        assert f"on node {speaker.host.name} (placement default)" in told
    for words in ("Backup => Active (NoResponse)", "Active => Backup (HigherPriority)", "priority 200, each 50 ms"):
        assert words in told
    wait_for("one goes on", lambda: len(capture.lines()) > 20)
    assert two.is_in("Backup")
    assert not journals(one.state_dir, "crash")


def test_passwords_and_keys_are_not_in_it_and_it_can_be_replayed_without_them(lan: Lan) -> None:
    password, key = b"hunter42", bytes(range(100, 164))
    plain = replace(document({"one": 200}, VIP, name="old", interval_cs=100), vrrp_version=2)
    by_password = replace(plain, authentication=PasswordAuthentication("old_pass"))
    by_key = replace(
        document({"one": 200}, "192.0.2.101", vrid=52),
        authentication=HmacAuthentication((HmacKeyReference(1, "web_key-1"),), 1, "Enforce", 5000),
    )
    one = Speaker(lan.host("one")).start()
    one.agent.send(Secrets({"old_pass": password, "web_key-1": key}))
    one.apply(by_password, by_key)
    for name in ("old", "web"):
        one.wait_until("Active", name)
    one.apply(edited(plain))  # without the password: the core sees another form of its adverts
    wait_for("it runs", lambda: one.told("old").generation == 2)
    os.kill(one.guard, signal.SIGUSR1)
    file = the_journal(one.state_dir, "SIGUSR1")
    written = file.read_bytes()
    for secret in (password, key):
        for form in (secret, secret.hex().encode(), b64encode(secret), repr(secret).encode()):
            assert form not in written
    code, told = replayed(file)
    assert (code, "no difference: 2 routers" in told) == (0, True), told


def test_an_engine_that_crashes_leaves_a_journal_of_it_and_the_next_one_goes_on(lan: Lan, tmp_path: Path) -> None:
    """The core is broken by the test: it fails on an advert of lower priority."""
    (tmp_path / "sitecustomize.py").write_text(BREAK_IT)
    one, two = Speaker(lan.host("one")), Speaker(lan.host("two"))
    one.environment["PYTHONPATH"] = str(tmp_path)
    two.start()
    two.apply(document({"two": 100}, VIP))
    two.wait_until("Active")
    one.start()
    one.apply(document({"one": 200}, VIP))
    crashed = the_journal(one.state_dir, "crash")
    wait_for("the guard has started another", lambda: one.log().count("engine started") > 1)
    code, told = replayed(crashed)
    assert "ZeroDivisionError: broken by the test" in told, "the traceback is in it"
    assert "-> the core raises an exception" in told
    assert code == 1, "this core is not broken"
    assert "recorded  raises an exception" in told
    assert "AdvertReceived(" in told


def test_a_full_disk_is_said_and_nothing_else_happens(lan: Lan, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk))
    lan.at_end.callback(run, "umount", "-l", str(disk))
    one = Speaker(lan.host("one"), state_dir=disk).start()
    one.apply(document({"one": 200}, VIP))
    one.wait_until("Active")
    wait_for("kept", lambda: one.stored() == {"web": 1})
    subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filling", "bs=1k"], capture_output=True, check=False)
    os.kill(one.guard, signal.SIGUSR1)
    wait_for("it is said", lambda: "the journal can't be written" in one.log())
    assert one.is_in("Active")
    assert not [path for path in (disk / "journal").glob("*") if path.is_file()]


def test_vipkeeper_run_passes_sigusr1_on(lan: Lan, tmp_path: Path) -> None:
    one = Standalone(lan.host("one"), write(tmp_path / "vip.yaml", virtualip())).start()
    wait_for("it has the address", lambda: lan.owners(VIP) == ["one"])
    one.send(signal.SIGUSR1)
    code, told = replayed(the_journal(one.state_dir, "SIGUSR1"))
    assert (code, "=> Active" in told) == (0, True), told
    assert one.stop() == 0
    assert journals(one.state_dir, "SIGUSR1"), "it stays"
