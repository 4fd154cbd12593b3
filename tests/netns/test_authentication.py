"""Authenticated virtual routers on a real kernel: keys that change, adverts that are forged, secrets that are away.

This covers engine/credentials.py and what engine.py, hosted_router.py, guard.py and wire.py do with secrets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from scapy.all import IP, Ether, IPv6, Raw

from tests.netns.lan import Host, Lan, stays, wait_for
from tests.netns.speaker import Speaker, document, edited
from tests.netns.standalone import Standalone, preferring, write
from tests.netns.stranger import Stranger
from tests.netns.test_unicast import at, by_unicast
from vipkeeper.ipc.authentication import HmacAuthentication, HmacKeyReference, PasswordAuthentication
from vipkeeper.ipc.messages import Secrets
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.vrrp.checksum import pseudo_header, with_checksum
from vipkeeper.vrrp.packet import encode
from vipkeeper.vrrp.trailer import Authenticator, HmacMode, KeyRing

pytestmark = [pytest.mark.root, pytest.mark.requires("ip", "ping")]

VIP, VIP6 = "192.0.2.100", "2001:db8::100"
KEYS = {1: b"1" * 32, 2: bytes(range(64)), 3: b"3" * 48}
SECRETS = {f"web_key-{number}": key for number, key in KEYS.items()}
WINDOW_NS = 5_000_000_000
PRIORITIES = {"one": 200, "two": 150, "three": 100}


def signed(item: RenderedVirtualIP, keys: Sequence[int] = (1,), active: int = 1, mode: str = "Enforce") -> Any:
    references = tuple(HmacKeyReference(number, f"web_key-{number}") for number in keys)
    return replace(item, authentication=HmacAuthentication(references, active, mode, WINDOW_NS // 1_000_000))


def three_kinds(priorities: Mapping[str, int]) -> list[RenderedVirtualIP]:
    """Version 3 in both families, and version 2."""
    old = document(priorities, "192.0.2.102", name="old", vrid=53, interval_cs=100)
    return [
        document(priorities, VIP, interval_cs=10),
        document(priorities, VIP6, name="web6", vrid=52, interval_cs=10),
        replace(old, vrrp_version=2),
    ]


def knows(speaker: Speaker, *numbers: int) -> None:
    speaker.agent.send(Secrets({f"web_key-{number}": KEYS[number] for number in numbers}))


def key_id_in(stranger: Stranger, sender: Host, vrid: int, version: int) -> int:
    return stranger.message_of(stranger.hear(sender, vrid, version), version)[-27]


def test_keys_change_in_three_steps_and_nobody_notices(lan: Lan) -> None:
    speakers = [Speaker(lan.host(name)).start() for name in PRIORITIES]
    stranger = Stranger(lan.host("stranger"))
    documents = [signed(item) for item in three_kinds(PRIORITIES)]
    for speaker in speakers:
        knows(speaker, 1)
        speaker.apply(*documents)
    for item in documents:
        speakers[0].wait_until("Active", item.name)
        for speaker in speakers[1:]:
            speaker.wait_until("Backup", item.name)
            wait_for("it hears the Active", lambda: speaker.told(item.name).active_address)  # noqa: B023
    before = [speaker.agent.transitions(item.name) for speaker in speakers for item in documents]
    for keys, active in [((1, 2), 1), ((1, 2), 2), ((2,), 2)]:
        documents = [signed(edited(item), keys, active) for item in documents]
        for speaker in reversed(speakers):  # one after the other: in between they differ
            knows(speaker, *keys)
            speaker.apply(*documents)
            for item in documents:
                generation = item.generation
                wait_for(
                    "it runs",
                    lambda: speaker.told(item.name).generation == generation,  # noqa: B023
                )
            for version, vrid in ((4, 51), (6, 52)):
                stranger.hear(speakers[0].host, vrid, version)
    assert {key_id_in(stranger, speakers[0].host, *pair) for pair in ((51, 4), (52, 6), (53, 4))} == {2}
    assert [speaker.agent.transitions(item.name) for speaker in speakers for item in documents] == before
    for speaker in speakers:
        assert [speaker.told(item.name).rejected for item in documents] == [()] * 3
        assert "advert refused" not in speaker.log()
    for address in (VIP, VIP6, "192.0.2.102"):
        assert lan.owners(address) == ["one"]


class Forger:
    """Makes adverts of priority 255 that would end anybody's time as Active, and of priority 0."""

    def __init__(self, stranger: Stranger, version: int, vip: str, vrid: int) -> None:
        self.stranger, self.version, self._vip, self._vrid = stranger, version, vip, vrid
        host = stranger.host
        self.source = ip_address(host.ipv4 if version == 4 else host.link_local)
        self._group = ip_address("224.0.0.18" if version == 4 else "ff02::12")

    def message(self, priority: int = 255) -> bytes:
        addresses = [ip_address(self._vip)]
        return encode(vrid=self._vrid, priority=priority, interval_cs=10, addresses=addresses, source=self.source)

    def signed(self, key: bytes, key_id: int, wall_ns: int) -> bytes:
        forger = Authenticator(KeyRing({key_id: key}, key_id), HmacMode.ENFORCE, WINDOW_NS)
        return forger.sign(self.message(), self.source, self._group, wall_ns)

    def send(self, message: bytes, source: str = "") -> None:
        mac = {4: "01:00:5e:00:00:12", 6: "33:33:00:00:00:12"}[self.version]
        source = source or str(self.source)
        header = (
            IP(src=source, dst="224.0.0.18", ttl=255, proto=112)
            if self.version == 4
            else IPv6(src=source, dst="ff02::12", hlim=255, nh=112)
        )
        self.stranger.send(Ether(src=self.stranger.host.mac, dst=mac) / header / Raw(message))


@pytest.mark.parametrize(("version", "vip", "vrid"), [(4, VIP, 51), (6, VIP6, 52)], ids=["IPv4", "IPv6"])
def test_hostile_35_forged_stale_and_replayed_adverts_move_nothing_and_are_counted_by_cause(
    lan: Lan, version: int, vip: str, vrid: int
) -> None:
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    stranger = Stranger(lan.host("stranger"))
    item = signed(document({"one": 200, "two": 100}, vip, vrid=vrid, interval_cs=10))
    for speaker in (one, two):
        knows(speaker, 1)
        speaker.apply(item)
    one.wait_until("Active")
    two.wait_until("Backup")
    wait_for("two hears one", lambda: two.told().active_address)
    before = [speaker.agent.transitions() for speaker in (one, two)]
    forger = Forger(stranger, version, vip, vrid)
    recorded = stranger.hear(one.host, vrid, version)
    stranger.hear(one.host, vrid, version)  # by now the one before was taken
    stranger.send(recorded[:6] + bytes.fromhex(stranger.host.mac.replace(":", "")) + recorded[12:])
    now_ns = time.time_ns()
    good = forger.signed(KEYS[1], 1, now_ns)
    forger.send(forger.message())
    forger.send(forger.message(priority=0))
    forger.send(forger.signed(KEYS[2], 1, now_ns))
    forger.send(forger.signed(KEYS[2], 2, now_ns))
    forger.send(forger.signed(KEYS[1], 1, now_ns - 10_000_000_000))
    forger.send(forger.signed(KEYS[1], 1, now_ns + 10_000_000_000))
    forger.send(_malformed(forger, good))
    expected = {"NoTrailer", "WrongHMAC", "UnknownKey", "StaleTrailer", "MalformedTrailer"}
    for speaker, causes in ((one, expected), (two, expected | {"Replayed"})):
        wait_for(
            f"{speaker.host.name} tells the causes\n{speaker.log()}",
            lambda: all(f"cause={cause} " in speaker.log() for cause in causes),  # noqa: B023
        )
    stays("one holds it, two does not", lambda: lan.owners(vip) == ["one"], 1.0)
    assert [speaker.agent.transitions() for speaker in (one, two)] == before
    two.apply(edited(item))
    wait_for("a status with counters", lambda: two.told().generation == item.generation + 1)
    counted = {(entry.cause, entry.source): entry.count for entry in two.told().rejected}
    assert counted["StaleTrailer", str(forger.source)] == 2
    assert counted["NoTrailer", str(forger.source)] == 2
    assert counted["Replayed", one.host.ipv4 if version == 4 else one.host.link_local] == 1


def _malformed(forger: Forger, good: bytes) -> bytes:
    """Of an unknown type. The checksum of IPv6 covers the trailer."""
    message = good[:-28] + b"\x02" + good[-27:]
    if forger.version == 4:
        return message
    return with_checksum(message, pseudo_header(forger.source, ip_address("ff02::12"), len(message)))


@pytest.mark.parametrize(("kind", "vip"), [("IPv4", VIP), ("link-local", VIP6)])
def test_adverts_by_unicast_are_signed_for_each_peer(lan: Lan, kind: str, vip: str) -> None:
    """The checksum of IPv6 covers destination and trailer."""
    speakers = [Speaker(lan.host(name)).start() for name in ("one", "two", "three")]
    ways = {speaker.host.name: at(speaker.host, kind) for speaker in speakers}
    for speaker in speakers:
        knows(speaker, 1)
        speaker.apply(signed(by_unicast(PRIORITIES, ways, vip, interval_cs=10)))
    speakers[0].wait_until("Active")
    for speaker in speakers[1:]:
        wait_for("it hears the Active", lambda: speaker.told().active_address == ways["one"])  # noqa: B023
        assert speaker.is_in("Backup")
        assert "advert refused" not in speaker.log()


def test_permissive_takes_what_is_not_signed_and_refuses_what_is_signed_wrongly(lan: Lan) -> None:
    """How signatures come into a running network."""
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    plain = document({"one": 200, "two": 100}, VIP, interval_cs=10)
    one.apply(plain)
    one.wait_until("Active")
    knows(two, 1)
    two.apply(signed(plain, mode="ReceiveOnly"))
    two.wait_until("Backup")
    knows(one, 1)
    for mode in ("ReceiveOnly", "Permissive", "Enforce"):
        for speaker in (one, two):
            plain = edited(plain)
            speaker.apply(signed(plain, mode=mode))
            wait_for("it runs", lambda: speaker.told().generation == plain.generation)  # noqa: B023
    stranger = Stranger(lan.host("stranger"))
    assert key_id_in(stranger, one.host, 51, 4) == 1
    stays("nobody notices", lambda: lan.owners(VIP) == ["one"], 0.5)
    assert "advert refused" not in one.log() + two.log()
    assert [state for state, _reason in two.agent.transitions()][-1] == "Backup"
    forger = Forger(stranger, 4, VIP, 51)
    forger.send(forger.signed(KEYS[2], 1, time.time_ns()))
    wait_for("it is refused", lambda: "cause=WrongHMAC " in two.log())


def test_without_its_secret_a_router_waits_and_never_runs_unauthenticated(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    capture = lan.capture("vrrp")
    one.apply(signed(document({"one": 200}, VIP, interval_cs=10)))
    wait_for("the fault is told", lambda: one.status() and one.told().faults == ("SecretMissing",))
    assert "secret web_key-1 is missing" in one.log()
    knows(one, 2)
    stays("it waits", lambda: one.is_in("Initialize") and not lan.owners(VIP), 0.7)
    assert capture.lines() == []
    knows(one, 1)
    one.wait_until("Active")
    assert one.told().faults == ()


def test_what_runs_goes_on_until_the_secrets_of_its_next_document_have_come(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    item = signed(document({"one": 200}, VIP, interval_cs=10))
    knows(one, 1)
    one.apply(item)
    one.wait_until("Active")
    before = one.agent.transitions()
    one.apply(signed(edited(item), (1, 2), 2))
    wait_for("it says why not", lambda: [refusal.generation for refusal in one.agent.refusals()] == [2])
    assert one.agent.refusals()[0].problems == ("secret web_key-2 is missing",)
    assert one.told().generation == 1
    knows(one)  # what is in use stays
    one.agent.send(Secrets({"web_key-1": b"short"}))
    knows(one, 1, 2)
    wait_for("it is run", lambda: one.told().generation == 2)
    assert key_id_in(Stranger(lan.host("stranger")), one.host, 51, 4) == 2
    assert one.agent.transitions() == before


def test_keys_are_there_after_every_kind_of_death_and_readable_for_root_alone(lan: Lan) -> None:
    one = Speaker(lan.host("one")).start()
    knows(one, 1)
    one.apply(signed(document({"one": 200}, VIP, interval_cs=10)))
    one.wait_until("Active")
    one.wait_for_another_engine(one.kill_engine())
    one.wait_until("Active")
    kept = one.state_dir / "documents" / "secrets"
    wait_for("they are on the disk", kept.exists)
    assert kept.stat().st_mode & 0o777 == 0o600
    one.kill_everything()
    one.start()
    one.wait_until("Active")
    assert key_id_in(Stranger(lan.host("stranger")), one.host, 51, 4) == 1
    assert "11111111" not in one.log()
    one.remove()
    wait_for("it is gone", lambda: one.agent.is_gone("web"))
    one.agent.send(Secrets({}))
    wait_for("nothing secret is left", lambda: not kept.exists())


def test_rule_41_a_password_of_version_2_keeps_others_apart(lan: Lan) -> None:
    """With keepalived as the neighbour: test_keepalived.py."""
    one, two = (Speaker(lan.host(name)).start() for name in ("one", "two"))
    item = replace(document({"one": 200, "two": 100}, VIP, interval_cs=100), vrrp_version=2)
    item = replace(item, authentication=PasswordAuthentication("web_password"))
    for speaker, password in ((one, b"geheim\n"), (two, b"anders")):
        speaker.agent.send(Secrets({"web_password": password}))
        speaker.apply(item)
    wait_for("two refuses one", lambda: "cause=WrongAuthentication " in two.log())
    two.agent.send(Secrets({"web_password": b"geheim"}))
    wait_for("two hears one", lambda: two.is_in("Backup") and two.told().active_address == one.host.ipv4)
    assert "geheim" not in one.log() + two.log()


def test_files_of_a_host_without_kubernetes_are_read_again_on_sighup(lan: Lan) -> None:
    folder = lan.folder / "keys"
    folder.mkdir()
    for number, key in KEYS.items():
        (folder / f"key-{number}").write_bytes(key)
        (folder / f"key-{number}").chmod(0o600)
    (folder / "key-2").chmod(0o644)
    hosts = [lan.host(name) for name in ("one", "two")]

    def configured(keys: Sequence[int], active: int) -> dict[str, Any]:
        hmac = {"activeKey": active, "keys": [{"id": number, "file": f"keys/key-{number}"} for number in keys]}
        vrrp = {"advertisementInterval": "100ms", "authentication": {"hmac": hmac}}
        return preferring({"one": 200, "two": 150}, vrrp=vrrp)

    runs = [Standalone(host, write(lan.folder / f"{host.name}.yaml", configured([1], 1))).start() for host in hosts]
    runs[0].wait_for_log("state=active")
    wait_for("one owner, and the other one a Backup", lambda: runs[1].states()[-1:] == ["backup"])
    for count, (keys, active) in enumerate([([1, 2], 1), ([1, 2], 2), ([2], 2)], start=1):
        for run in runs:
            run.reload(configured(keys, active))
            run.wait_for_log("reloaded: changed=web", count)
    stranger = Stranger(lan.host("stranger"))
    wait_for("the new key signs", lambda: key_id_in(stranger, hosts[0], 51, 4) == 2)
    (folder / "key-2").write_bytes(KEYS[3])  # the same reference, another content
    for run in runs:
        run.reload()
        run.wait_for_log("new secrets vip=web")
    stays("nobody notices", lambda: lan.owners(VIP) == ["one"], 0.5)
    assert [run.states()[-1] for run in runs] == ["active", "backup"]
    assert f"a secret that others can read: chmod o-rwx {folder}/key-2" in runs[0].log()
    (folder / "key-2").unlink()
    runs[0].reload()
    runs[0].wait_for_log("not reloaded; what ran goes on")
    assert lan.owners(VIP) == ["one"]
