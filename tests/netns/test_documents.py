"""Documents come, change and go while addresses answer (the engine needs nobody, nothing is half applied)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.netns.lan import Lan, run, stays, wait_for
from tests.netns.speaker import Pinger, Speaker, document, edited
from vipkeeper.ipc.messages import MAX_LINE_BYTES, Apply, encode
from vipkeeper.ipc.rendered import NodeShare, RenderedAddress

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
OTHER = "192.0.2.101"


def active_alone(lan: Lan, *addresses: str, **options: object) -> Speaker:
    one = Speaker(lan.host("one")).start()
    one.apply(document({"one": 200}, *addresses, **options))  # type: ignore[arg-type]
    one.wait_until("Active")
    return one


def generation_runs(speaker: Speaker, generation: int, name: str = "web") -> bool:
    status = speaker.status(name)
    return status is not None and status.generation == generation


def test_an_edit_is_in_effect_without_a_gap_and_then_its_generation_is_told(lan: Lan) -> None:
    one = active_alone(lan)
    client = lan.host("client")
    wait_for("the address answers", lambda: client.answers(VIP))
    pings = Pinger(client, VIP)
    first = document({"one": 200}, VIP)
    second = edited(first, addresses=(RenderedAddress(ip_address(VIP)), RenderedAddress(ip_address(OTHER))))
    one.apply(second)
    wait_for("the second address is there", lambda: one.host.has(OTHER))
    wait_for("the generation is told", lambda: generation_runs(one, 2))
    third = edited(second, advertisement_interval_cs=10, nodes={"one": NodeShare(150, 0)})
    one.apply(third)
    wait_for("the generation is told", lambda: generation_runs(one, 3))
    assert one.told().priority == 150
    fourth = edited(third, addresses=(RenderedAddress(ip_address(VIP)),))
    one.apply(fourth)
    wait_for("the second address is gone", lambda: not one.host.has(OTHER))
    fifth = edited(fourth, vrid=77)
    one.apply(fifth)
    wait_for("the other VRID runs", lambda: one.is_in("Active") and one.told().vrid == 77)
    assert client.answers(OTHER) is False
    assert pings.longest_gap_ms() < 300
    assert {reason for _state, reason in one.agent.transitions()} <= {"Startup", "Recovered", "NoResponse", "Adopted"}
    wait_for("the newest is kept", lambda: one.stored() == {"web": 5})


def test_a_longer_interval_gets_a_longer_lease(lan: Lan) -> None:
    one = active_alone(lan)
    assert one.host.address_details(VIP)["valid_life_time"] <= 2
    one.apply(edited(document({"one": 200}, VIP), advertisement_interval_cs=300))
    wait_for("nine seconds", lambda: 2 < one.host.address_details(VIP)["valid_life_time"] <= 9)


def test_a_removed_document_takes_its_address_and_its_file_along(lan: Lan) -> None:
    one = active_alone(lan)
    one.apply(document({"one": 200}, OTHER, name="other", vrid=52))
    one.wait_until("Active", "other")
    wait_for("both are kept", lambda: set(one.stored()) == {"web", "other"})
    one.remove("web")
    wait_for("gone is told", lambda: one.agent.is_gone("web"))
    wait_for("the address is gone", lambda: not one.host.has(VIP))
    wait_for("the file is gone", lambda: set(one.stored()) == {"other"})
    assert one.host.has(OTHER)


def test_what_synced_does_not_name_is_removed(lan: Lan) -> None:
    one = active_alone(lan)
    one.apply(document({"one": 200}, OTHER, name="other", vrid=52))
    one.wait_until("Active", "other")
    one.synced("other")
    wait_for("gone is told", lambda: one.agent.is_gone("web"))
    wait_for("the address is gone", lambda: lan.owners(VIP) == [])
    assert one.host.has(OTHER)


def test_a_node_that_is_not_named_any_more_leaves(lan: Lan) -> None:
    one = active_alone(lan)
    one.apply(edited(document({"one": 200}, VIP), nodes={"elsewhere": NodeShare(100, 0)}))
    wait_for("gone is told", lambda: one.agent.is_gone("web"))
    wait_for("the address is gone", lambda: not one.host.has(VIP))
    wait_for("the file is gone", lambda: one.stored() == {})


def test_bad_documents_are_refused_and_the_old_one_stays(lan: Lan) -> None:
    one = active_alone(lan)
    good = document({"one": 200}, VIP)
    unknown_format = json.loads(encode(Apply(edited(good))))
    unknown_format["document"]["format"] = 99
    one.agent.send_raw(json.dumps(unknown_format).encode() + b"\n")
    wait_for("the format is refused", lambda: len(one.agent.refusals()) == 1)
    one.agent.send_raw(b"this is no JSON\n")
    wait_for("the line is refused", lambda: len(one.agent.refusals()) == 2)
    one.apply(edited(good, name="../../etc/passwd"))
    wait_for("the name is refused", lambda: len(one.agent.refusals()) == 3)
    one.apply(edited(good, addresses=(RenderedAddress(ip_address(VIP)),) * 2))
    wait_for("the repetition is refused", lambda: len(one.agent.refusals()) == 4)
    problems = [" ".join(message.problems) for message in one.agent.refusals()]
    assert [message.name for message in one.agent.refusals()][0::3] == ["web", "web"]
    for words, problem in zip(["format: 99", "JSON", "DNS name", "twice"], problems, strict=True):
        assert words in problem
    assert generation_runs(one, 1)
    assert one.is_in("Active")
    assert one.stored() == {"web": 1}


def test_a_speaker_boots_from_the_state_folder_with_nobody_connected_and_skips_what_is_broken(lan: Lan) -> None:
    one = active_alone(lan)
    wait_for("kept", lambda: one.stored() == {"web": 1})
    assert one.stop() == 0
    assert lan.owners(VIP) == []
    folder = one.state_dir / "documents"
    good = (folder / "web.json").read_text()
    (folder / "cut.json").write_text(good[: len(good) // 2])
    (folder / "renamed.json").write_text(good)
    (folder / "future.json").write_text(good.replace('"format": 1', '"format": 2'))
    (folder / ".aside.json").write_text("{")
    one.start()
    wait_for("the address is back", lambda: one.host.has(VIP))
    for name in ("cut.json", "renamed.json", "future.json"):
        assert f"{name}" in one.log()
    assert not (folder / ".aside.json").exists()


@pytest.mark.parametrize("obstacle", ["full", "read-only"])
def test_a_state_folder_that_takes_nothing_is_reported_and_the_new_document_runs(
    lan: Lan, tmp_path: Path, obstacle: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk))
    lan.at_end.callback(run, "umount", "-l", str(disk))
    one = Speaker(lan.host("one"), state_dir=disk).start()
    good = document({"one": 200}, VIP)
    one.apply(good)
    one.wait_until("Active")
    wait_for("kept", lambda: one.stored() == {"web": 1})
    if obstacle == "full":
        subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filling", "bs=1k"], capture_output=True, check=False)
    else:
        run("mount", "-o", "remount,ro", str(disk))
    one.apply(edited(good, advertisement_interval_cs=50))
    wait_for("generation 2 runs", lambda: generation_runs(one, 2))
    wait_for("reported", lambda: "can't be kept in the state folder" in one.log())
    assert one.stored() == {"web": 1}
    killed = one.kill_engine()
    one.wait_for_another_engine(killed)
    wait_for("which knows generation 2", lambda: generation_runs(one, 2))


def test_a_reader_that_does_not_read_and_a_line_without_end_are_cut_off(lan: Lan) -> None:
    one = active_alone(lan)
    endless = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    lan.at_end.callback(endless.close)
    endless.connect(str(one.run_dir / "engine.sock"))
    with pytest.raises(OSError):  # noqa: PT012 - the write that fails is the one after the limit
        for _ in range(8):
            endless.sendall(b"x" * MAX_LINE_BYTES)
    wait_for("the reason is told", lambda: "too long a line" in one.log())
    deaf = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    lan.at_end.callback(deaf.close)
    deaf.connect(str(one.run_dir / "engine.sock"))
    deaf.setblocking(False)
    question = b'{"type":"apply","document":{}}\n'  # each is answered with a refusal
    rest = b""

    def cut_off() -> bool:
        nonlocal rest
        try:
            rest = rest or question * 200
            rest = rest[deaf.send(rest) :]
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False

    wait_for("the deaf one is cut off", cut_off, limit_s=60, pause_s=0.001)
    wait_for("the reason is told", lambda: "too slow a reader" in one.log())
    assert one.is_in("Active")


def test_a_stranger_is_not_listened_to(lan: Lan) -> None:
    one = active_alone(lan)
    for path in (one.run_dir, *one.run_dir.parents):
        if lan.folder in path.parents or path == lan.folder:
            path.chmod(0o777)
    (one.run_dir / "engine.sock").chmod(0o666)
    code = (
        "import socket, sys, os; os.setgid(4711); os.setuid(int(sys.argv[2])); s = socket.socket(socket.AF_UNIX);"
        "os.chdir('/'); s.connect(('/proc/self/fd/%s/engine.sock' % sys.argv[1])); print(s.recv(100))"
    )
    folder = os.open(one.run_dir, os.O_RDONLY)
    lan.at_end.callback(os.close, folder)
    for uid, welcome in ((4711, False), (65532, True)):
        done = subprocess.run(
            ["python3", "-c", code, str(folder), str(uid)],
            pass_fds=[folder],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: os.umask(0),
        )
        assert ("welcome" in done.stdout) is welcome, done.stdout + done.stderr


def test_a_second_agent_may_come_before_the_first_has_gone(lan: Lan) -> None:
    one = active_alone(lan)
    first = one.agent
    other = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    lan.at_end.callback(other.close)
    other.settimeout(10)
    other.connect(str(one.run_dir / "engine.sock"))
    assert b'"type":"welcome"' in other.recv(65536)
    assert first.status() is not None


def test_the_same_document_again_changes_nothing(lan: Lan) -> None:
    one = active_alone(lan)
    capture = lan.capture("vrrp")
    before = one.agent.transitions()
    for _ in range(20):
        one.apply(replace(document({"one": 200}, VIP)))
    stays("Active", lambda: one.is_in("Active"), 1.2)
    assert one.agent.transitions() == before
    assert len(capture.lines()) <= 8
