"""A journal for people: one line for each thing that happened, in the order of time, runs in one line.

Dates are counted back from the one in the header: they are as right as the node's clock was then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from vipkeeper.journal.file import JournalFile, ReadBlock, ReadRecord
from vipkeeper.vrrp.actions import AddAddresses, Announce, RemoveAddresses, SendAdvert, StateChanged
from vipkeeper.vrrp.advert import Advert
from vipkeeper.vrrp.config import VirtualRouterConfig
from vipkeeper.vrrp.events import AdvertReceived, Event, TimerFired
from vipkeeper.vrrp.units import NS_PER_MS, NS_PER_S


class Clock:
    """From the node's monotonic clock to dates, in UTC."""

    def __init__(self, header: dict[str, Any]) -> None:
        try:
            self._date = datetime.fromisoformat(str(header["writtenAt"])).astimezone(UTC)
            self._at_ns = int(header["monotonicNs"])
        except (KeyError, ValueError, TypeError):
            self._date, self._at_ns = datetime(1970, 1, 1, tzinfo=UTC), 0

    def date(self, at_ns: int) -> str:
        then = self._date + timedelta(microseconds=(at_ns - self._at_ns) // 1000)
        return then.strftime("%Y-%m-%d %H:%M:%S.%f")


def summary(journal: JournalFile) -> Iterator[str]:
    """What the file is, in a few lines."""
    header = journal.header
    yield (
        f"journal of vipkeeper {header['version']} on node {header.get('node', '?')} "
        f"(placement {header.get('placement', '?')}), written {header.get('writtenAt', '?')}: {header.get('why', '?')}"
    )
    for status in journal.statuses:
        faults = [*status.get("faults", ()), *status.get("ailments", ())]
        yield (
            f"  {status.get('name')}: {status.get('state')} since {int(status.get('sinceMs', 0)) / 1000:.1f} s "
            f"({status.get('reason')}), priority {status.get('priority')}, on {status.get('interface') or 'no interface'}"
            f"{', ' + ' '.join(faults) if faults else ''}"
        )
    yield from ("  " + line for line in str(header.get("traceback", "")).splitlines())


def timeline(journal: JournalFile, router: str = "") -> Iterator[str]:
    """`router`: those whose label has this in it."""
    clock = Clock(journal.header)
    found: list[tuple[int, int, str]] = []
    for item in journal.routers:
        if router in item.label:
            for block in item.blocks:
                found += ((at_ns, line, f"{item.label}  {text}") for at_ns, line, text in _of_block(block, clock))
    for at_ns, _line, text in sorted(found):
        yield f"{clock.date(at_ns)}  {text}"


def _of_block(block: ReadBlock, clock: Clock) -> Iterator[tuple[int, int, str]]:
    if block.missed:
        yield block.began_ns, block.line, f"(too fast to be recorded: {block.missed} events)"
    for record in block.records:
        yield record.first_ns, record.line, _of_record(record, clock)


def _of_record(record: ReadRecord, clock: Clock) -> str:
    done = "the core raises an exception" if record.actions is None else ", ".join(map(do, record.actions)) or "nothing"
    again = f" (x{record.times}, until {clock.date(record.last_ns)[11:]})" if record.times > 1 else ""
    return f"{happened(record.event)} -> {done}{again}"


def happened(event: Event) -> str:
    """An event, in words."""
    match event:
        case TimerFired():
            return "timer"
        case AdvertReceived(advert):
            return f"advert {_advert(advert)}"
        case _:
            return _members(event)


def do(action: object) -> str:
    """An action, in words."""
    match action:
        case SendAdvert(priority):
            return f"send priority {priority}"
        case AddAddresses(addresses):
            return f"add {_list(addresses)}"
        case RemoveAddresses(addresses):
            return f"remove {_list(addresses)}"
        case Announce(addresses):
            return f"announce {_list(addresses)}"
        case StateChanged(old, new, reason):
            return f"{old} => {new} ({reason})"
        case _:
            return _members(action)


def duration(span_ns: int) -> str:
    return f"{span_ns / NS_PER_S:g} s" if span_ns >= NS_PER_S else f"{span_ns / NS_PER_MS:g} ms"


def _advert(advert: Advert) -> str:
    remarks = f", {_list(advert.remarks)}" if advert.remarks else ""
    interval = duration(advert.interval_cs * 10 * NS_PER_MS)
    return f"of {advert.source}, priority {advert.priority}, each {interval}{remarks}"


def _members(value: object) -> str:
    """Of any dataclass: its name, and what differs from the defaults."""
    parts = [type(value).__name__]
    for name, field in getattr(value, "__dataclass_fields__", {}).items():
        member = getattr(value, name)
        if isinstance(member, VirtualRouterConfig):
            parts.append(_members(member))
        elif member != field.default:
            parts.append(f"{name}={_list(member) if isinstance(member, tuple | frozenset) else member}")
    return " ".join(parts)


def _list(items: Iterable[object]) -> str:
    return ",".join(sorted(map(str, items))) or "none"
