"""Playbooks: what is done to a virtual router, and what it does, line by line with the time.

    == rule_57_silence_makes_a_backup_active
    router vrid=51 priority=100 interval=100cs address=192.0.2.10
    0.000000 >> startup
             << state initialize -> backup (startup); wake at 3.609375
    3.609375 >> timer
             << send advert priority=100
             ...

`== name` begins a scenario, `router` makes the router, `>>` hands it an event at a time in seconds, `<<` is what comes
back. Every line after which the timer rings at another time than before says when ("; wake at", or "; no timer"). An
event must not come after the timer should have rung, unless it says `late`. `#` is a comment.

A scenario is played by writing its `<<` lines anew; it holds when the text is then the same. So a failure is a diff,
and `python -m tests.scenarios.playbook FILE` prints a playbook as it really goes, to be read before it is believed.

Events: `startup [last-advert=SECONDS]`, `timer`, `advert [priority=] [source=] [interval=]`, `shutdown`, `released`,
`adopted`, `faults [NAME...]`, `ailments [NAME...] [damped] [warming]`, `config [the members of router]`, `local ADDRESS`; of peers:
`handover-asked by= way=segment|other`, `handover-taken by=`, `handover-refused why= others=yes|no`, `handover-impossible`,
`handover-wanted by= priority=`, `peer-active by= priority= interval= way=segment|other|proven`, `nobody-active`,
`address-answered ADDRESS`, `segment-doubted by=`, `segment-proven`. `shutdown alone` hands over to nobody. The members of `router`: `handover=yes|no`, `release=yes|no`, `witness=yes|no`, `probe=yes|no`, `vrid=`, `address=`, `companion=`, `priority=`, `rank=`, `interval=`, `preempt=yes|no`, `delay=SECONDS` (before
it preempts), `version=2|3`, `checksum=`, `local=`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from vipkeeper.ipc.messages import FAILURES
from vipkeeper.vrrp.actions import (
    Action,
    AddAddresses,
    Announce,
    AnswerHandover,
    AskActive,
    BlockedChanged,
    HandOver,
    ProbeAddresses,
    ProveSegment,
    RemoveAddresses,
    SendAdvert,
    StateChanged,
    WantHandover,
)
from vipkeeper.vrrp.advert import Advert, ChecksumForm, Family, IPAddress, Version
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import (
    AddressAnswered,
    Adopted,
    AdvertReceived,
    ConfigChanged,
    Event,
    FaultsChanged,
    HandoverAsked,
    HandoverImpossible,
    HandoverRefused,
    HandoverTaken,
    HandoverWanted,
    HealthChanged,
    LocalAddressChanged,
    NobodyActive,
    PeerIsActive,
    Released,
    SegmentDoubted,
    SegmentProven,
    Shutdown,
    Startup,
    TimerFired,
)
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.state import Fault, HandoverRefusal
from vipkeeper.vrrp.units import NS_PER_S

_LOCAL = {Family.IPV4: "192.0.2.1", Family.IPV6: "fe80::1"}
_PEER = {Family.IPV4: "192.0.2.2", Family.IPV6: "fe80::2"}


@dataclass(frozen=True)
class Scenario:
    name: str
    lines: tuple[str, ...]
    """Without the `==` line."""


class BadPlaybook(Exception):
    """The playbook itself is wrong."""


def read_playbook(path: Path) -> list[Scenario]:
    """The scenarios of one file."""
    parts = re.split(r"(?m)^== (\S+)\n", path.read_text())
    return [
        Scenario(name, tuple(text.rstrip().split("\n"))) for name, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


def play(scenario: Scenario) -> list[str]:
    """The lines of the scenario as they really go."""
    player = _Player()
    result: list[str] = []
    for line in scenario.lines:
        if line.lstrip().startswith("<<"):
            continue
        result.append(line)
        text = line.partition("#")[0].strip()
        if text:
            result += player.obey(text)
    return result


class _Player:
    """One router and the hands that move it."""

    router: VirtualRouter

    def obey(self, text: str) -> list[str]:
        if text.startswith("router "):
            members = _members(text.split()[1:])
            config = _config(members, None)
            self.router = VirtualRouter(config, ip_address(members.get("local", _LOCAL[config.family])))
            return []
        when, arrow, what = text.partition(" >> ")
        if not arrow:
            raise BadPlaybook(text)
        words = what.split()
        return self._hand_in(words, _ns(when), late=words[-1] == "late")

    def _hand_in(self, words: list[str], now_ns: int, *, late: bool) -> list[str]:
        before_ns = self.router.deadline_ns
        if before_ns is not None and now_ns > before_ns and not late:
            raise BadPlaybook(f"{' '.join(words)}: the timer should have rung at {_seconds(before_ns)}")
        actions = self.router.handle(self._event([word for word in words if word != "late"]), now_ns)
        lines = [_describe(action) for action in actions]
        after_ns = self.router.deadline_ns
        if after_ns != before_ns:
            wake = "no timer" if after_ns is None else f"wake at {_seconds(after_ns)}"
            lines = [*lines[:-1], f"{lines[-1]}; {wake}"] if lines else [wake]
        return [f"         << {line}" for line in lines]

    def _event(self, words: list[str]) -> Event:
        what, *rest = words
        match what:
            case "startup":
                last = _members(rest).get("last-advert")
                return Startup(None if last is None else _ns(last))
            case "advert":
                return AdvertReceived(self._advert(_members(rest)))
            case "faults":
                return FaultsChanged(frozenset(Fault(name) for name in rest))
            case "ailments":
                return HealthChanged(frozenset(rest) - {"damped", "warming"}, "damped" in rest, "warming" in rest)
            case "config":
                return ConfigChanged(_config(_members(rest), self.router.config))
            case "local":
                return LocalAddressChanged(ip_address(rest[0]))
            case "address-answered":
                return AddressAnswered(ip_address(rest[0]))
            case "timer":
                return TimerFired()
            case "shutdown":
                return Shutdown(hand_over=rest != ["alone"])
            case "released":
                return Released()
            case "adopted":
                return Adopted()
            case _:
                return self._event_of_peers(what, _members(rest))

    def _event_of_peers(self, what: str, members: dict[str, str]) -> Event:
        by = ip_address(members.get("by", _PEER[self.router.config.family]))
        match what:
            case "handover-asked":
                left_ns = _ns(members["other-left"]) if "other-left" in members else None
                return HandoverAsked(by, members.get("way", "segment") == "segment", left_ns)
            case "handover-taken":
                return HandoverTaken(by)
            case "handover-refused":
                return HandoverRefused(HandoverRefusal(members["why"]), members["others"] == "yes")
            case "handover-impossible":
                return HandoverImpossible()
            case "peer-active":
                way = members.get("way", "segment")
                interval_cs = _cs(members.get("interval", "100cs"))
                return PeerIsActive(by, int(members["priority"]), interval_cs, way == "segment", way == "proven")
            case "nobody-active":
                return NobodyActive()
            case "segment-doubted":
                return SegmentDoubted(by)
            case "segment-proven":
                return SegmentProven()
            case "handover-wanted":
                return HandoverWanted(by, int(members["priority"]))
            case _:
                raise BadPlaybook(f"no such event: {what}")

    def _advert(self, members: dict[str, str]) -> Advert:
        config = self.router.config
        return Advert(
            source=ip_address(members.get("source", _PEER[config.family])),
            vrid=config.vrid,
            priority=int(members.get("priority", "100")),
            interval_cs=_cs(members.get("interval", "100cs")),
            addresses=config.addresses,
        )


def _config(members: dict[str, str], before: VirtualRouterConfig | None) -> VirtualRouterConfig:
    if before is None:
        addresses = _addresses(members["address"])
        before = VirtualRouterConfig(int(members["vrid"]), Family(addresses[0].version), 100, addresses)
    return replace(
        before,
        priority=int(members.get("priority", before.priority)),
        rank=int(members.get("rank", before.rank)),
        preempt=members["preempt"] == "yes" if "preempt" in members else before.preempt,
        preempt_delay_ns=_ns(members["delay"]) if "delay" in members else before.preempt_delay_ns,
        hand_over=members["handover"] == "yes" if "handover" in members else before.hand_over,
        release=(FAILURES if members["release"] == "yes" else frozenset()) if "release" in members else before.release,
        probe=members["probe"] == "yes" if "probe" in members else before.probe,
        witness=members["witness"] == "yes" if "witness" in members else before.witness,
        version=Version(int(members.get("version", before.version))),
        checksum=ChecksumForm(members.get("checksum", before.checksum)),
        advertisement_interval_cs=_cs(members.get("interval", f"{before.advertisement_interval_cs}cs")),
        addresses=_addresses(members["address"]) if "address" in members else before.addresses,
        companion_addresses=(
            _addresses(members["companion"]) if "companion" in members else before.companion_addresses
        ),
    )


def _members(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words)


def _addresses(text: str) -> tuple[IPAddress, ...]:
    return tuple(ip_address(item) for item in text.split(",") if item)


def _cs(text: str) -> int:
    return int(text.removesuffix("cs"))


def _ns(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * NS_PER_S + int(fraction.ljust(9, "0"))


def _seconds(time_ns: int) -> str:
    """Six decimals, nine where they are needed."""
    text = f"{time_ns // NS_PER_S}.{time_ns % NS_PER_S:09}"
    return text[:-3] if text.endswith("000") else text


def _describe(action: Action) -> str:
    match action:
        case SendAdvert(priority):
            return f"send advert priority={priority}"
        case AddAddresses(addresses):
            return "add " + " ".join(map(str, addresses))
        case RemoveAddresses(addresses):
            return "remove " + " ".join(map(str, addresses))
        case Announce(addresses):
            return "announce " + " ".join(map(str, addresses))
        case HandOver(to):
            return "hand over" if to is None else f"hand over to {to}"
        case AnswerHandover(refusal):
            return "answer: taken over" if refusal is None else f"answer: refused ({refusal.value})"
        case AskActive(address):
            return f"ask {address}"
        case WantHandover(address):
            return f"want a handover of {address}"
        case ProbeAddresses(addresses):
            return "probe " + " ".join(map(str, addresses))
        case ProveSegment():
            return "prove the segment"
        case BlockedChanged(by):
            return "no adverts are blocked" if by is None else f"adverts of {by} are blocked"
        case StateChanged(old, new, reason):
            words = re.sub(r"(?<=.)([A-Z])", r" \1", reason).lower()
            return f"state {old.lower()} -> {new.lower()} ({words})"


if __name__ == "__main__":
    for told in read_playbook(Path(sys.argv[1])):
        print(f"== {told.name}", *play(told), "", sep="\n")
