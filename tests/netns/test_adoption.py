"""Two placements on one node: a VirtualIP that moves from one to the other stays where it is, and nobody notices."""

from __future__ import annotations

import json

import pytest

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Pinger, Speaker, document, edited
from vipkeeper.ipc.messages import RemoveReason
from vipkeeper.ipc.rendered import RenderedVirtualIP

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping", "tcpdump")]

VIP = "192.0.2.100"
VIP6 = "2001:db8::100"


def node(lan: Lan) -> tuple[Speaker, Speaker, Speaker, Host]:
    """Two placements on `one`, one on `two`."""
    host, other = lan.host("one"), lan.host("two")
    old = Speaker(host).start()
    new = Speaker(host, placement="p-0000abcd").start()
    return old, new, Speaker(other).start(), lan.host("client")


def running(lan: Lan) -> tuple[Speaker, Speaker, Speaker, Host, RenderedVirtualIP]:
    old, new, two, client = node(lan)
    first = document({"one": 200, "two": 100}, VIP, VIP6)
    for speaker in (old, two):
        speaker.apply(first)
    old.wait_until("Active")
    two.wait_until("Backup")
    wait_for("the address answers", lambda: client.answers(VIP))
    return old, new, two, client, edited(first, placement="p-0000abcd")


def waits(speaker: Speaker) -> bool:
    status = speaker.status()
    return status is not None and status.faults == ("HeldByOtherPlacement",)


@pytest.mark.parametrize("order", ["told to go first", "asked first"])
def test_an_active_router_is_adopted_without_a_gap_whatever_comes_first(lan: Lan, order: str) -> None:
    old, new, two, client, moved = running(lan)
    pings = Pinger(client, VIP)
    capture = lan.capture("vrrp")
    before = two.agent.transitions()
    if order == "asked first":
        new.apply(moved)
        wait_for("the new one waits", lambda: waits(new))
        stays("alone", lambda: old.is_in("Active") and waits(new), 1)
        old.remove("web", RemoveReason.MOVED)
    else:
        old.remove("web", RemoveReason.MOVED)
        old.synced()  # names what exists for this placement: nothing; the move is not over yet
        stays("it keeps the address until somebody asks", lambda: old.is_in("Active"), 1)
        new.apply(moved)
    status = new.wait_until("Active")
    assert status.reason == "Adopted"
    wait_for("the old one has let go", lambda: old.agent.is_gone("web"))
    stays("the address is refreshed", lambda: new.is_in("Active") and old.host.has(VIP) and old.host.has(VIP6), 3)
    assert two.agent.transitions() == before
    assert pings.longest_gap_ms() < 300
    assert "prio 0" not in capture.text()
    wait_for("one of them keeps it on disk", lambda: (old.stored(), new.stored()) == ({}, {"web": 2}))
    assert new.stop() == 0
    two.wait_until("Active")
    wait_for("one owner", lambda: lan.owners(VIP) == ["two"])


def test_a_backup_router_is_adopted_as_backup(lan: Lan) -> None:
    old, new, two, _client = node(lan)
    first = document({"one": 100, "two": 200}, VIP)
    for speaker in (two, old):
        speaker.apply(first)
    two.wait_until("Active")
    old.wait_until("Backup")
    new.apply(edited(first, placement="p-0000abcd"))
    wait_for("the new one waits", lambda: waits(new))
    old.remove("web", RemoveReason.MOVED)
    status = new.wait_until("Backup")
    assert status.active_address == "192.0.2.2"
    stays("nothing moves", lambda: two.is_in("Active") and new.is_in("Backup"), 1.5)
    two.host.cut()
    new.wait_until("Active")


def test_a_holder_that_is_killed_is_not_waited_for(lan: Lan) -> None:
    old, new, two, _client, moved = running(lan)
    new.apply(moved)
    wait_for("the new one waits", lambda: waits(new))
    old.kill_everything()
    new.wait_until("Active")
    two.wait_until("Backup")
    wait_for("one owner", lambda: lan.owners(VIP) == ["one"])


def test_a_holder_whose_engine_alone_is_killed_keeps_its_router(lan: Lan) -> None:
    old, new, _two, _client, moved = running(lan)
    new.apply(moved)
    wait_for("the new one waits", lambda: waits(new))
    killed = old.kill_engine()
    old.wait_for_another_engine(killed)
    assert old.wait_until("Active").reason == "Resumed"
    stays("the new one still waits", lambda: waits(new) and old.is_in("Active"), 1.5)
    old.remove("web", RemoveReason.MOVED)
    assert new.wait_until("Active").reason == "Adopted"


def test_a_holder_that_ends_hands_over_to_whoever_waits(lan: Lan) -> None:
    old, new, two, client, moved = running(lan)
    new.apply(moved)
    wait_for("the new one waits", lambda: waits(new))
    pings = Pinger(client, VIP)
    before = two.agent.transitions()
    assert old.stop() == 0
    assert new.wait_until("Active").reason == "Adopted"
    stays("nobody else notices", lambda: new.is_in("Active"), 1)
    assert two.agent.transitions() == before
    assert pings.longest_gap_ms() < 300


def test_a_move_that_was_taken_back_leaves_everything_as_it_was(lan: Lan) -> None:
    old, new, _two, _client, moved = running(lan)
    old.remove("web", RemoveReason.MOVED)
    back = edited(moved, placement="default")
    old.apply(back)
    wait_for("the document runs", lambda: old.told().generation == 3)
    new.apply(moved)
    wait_for("the new one waits", lambda: waits(new))
    stays("the old one keeps it", lambda: old.is_in("Active") and waits(new), 1)
    new.remove("web")
    wait_for("the new one has given up", lambda: new.agent.is_gone("web"))
    assert old.is_in("Active")


def test_another_interface_or_vrid_is_no_adoption_but_still_one_after_the_other(lan: Lan) -> None:
    old, new, two, _client, moved = running(lan)
    new.apply(edited(moved, vrid=52))
    two.apply(edited(moved, vrid=52))
    wait_for("the new one waits", lambda: waits(new))
    old.remove("web", RemoveReason.MOVED)
    new.wait_until("Active")
    wait_for("one owner", lambda: lan.owners(VIP) == ["one"])


def test_a_stranger_with_such_a_name_delays_nobody_for_long(lan: Lan) -> None:
    host = lan.host("one")
    code = (
        "import socket, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
        "s.bind(b'\\0vipkeeper/trap'); print(1, flush=True); time.sleep(600)"
    )
    trap = host.start("python3", "-c", code, stdout=-1)
    assert trap.stdout is not None
    trap.stdout.readline()
    one = Speaker(host).start()
    one.apply(document({"one": 200}, VIP))
    wait_for("it waits for an answer", lambda: waits(one))
    one.wait_until("Active")
    assert "a neighbour does not answer" in one.log()


def test_two_that_boot_with_the_same_document_do_not_both_run_it(lan: Lan) -> None:
    host = lan.host("one")
    speakers = [Speaker(host, placement=name) for name in ("default", "p-0000abcd")]
    for speaker in speakers:
        folder = speaker.state_dir / "documents"
        folder.mkdir(parents=True)
        text = json.dumps(document({"one": 200}, VIP).to_json())
        (folder / "web.json").write_text(text)
    for speaker in speakers:
        speaker.start()
    wait_for("one of them runs it", lambda: any(speaker.is_in("Active") for speaker in speakers))
    stays("and only one", lambda: sum(not speaker.is_in("Initialize") for speaker in speakers) == 1, 2)


def test_an_old_engine_of_our_own_placement_is_waited_for_a_while(lan: Lan) -> None:
    host = lan.host("one")
    one = Speaker(host).start()
    one.apply(document({"one": 200}, VIP))
    one.wait_until("Active")
    again = Speaker(host, folder_name="again").start()
    again.apply(document({"one": 200}, VIP))
    wait_for("it waits for its name", lambda: waits(again))
    stays("one after the other", lambda: one.is_in("Active") and waits(again), 1)
    assert one.stop() == 0
    again.wait_until("Active")
