"""A journal as a file: lines of JSON that need nothing else to be understood.

    {"vipkeeperJournal": 1, "version", "node", "placement", "why", "writtenAt", "monotonicNs", ...}   the header
    {"document": {...}}                    for each virtual router: what it is told to be (ipc/rendered.py)
    {"status": {...}}                      for each one: what it told last (ipc/messages.py)
    {"router": 3, "label": "web ..."}      a router, and then the blocks of its history (`ring.py`), each
    {"router": 3, "block": 7, "at": ns, "missed": 0}
    {"state": {...}}
    {"at": ns, "event": ..., "actions": [...], "deadline": ns}       and for runs times, until, rule, span
    {"end": 812}                           the last line, with its own number

Times are nanoseconds of the node's monotonic clock. The header has the date of one of them, for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from vipkeeper.journal.codec import decode
from vipkeeper.vrrp.actions import Action
from vipkeeper.vrrp.events import Event
from vipkeeper.vrrp.router import VirtualRouter

FORMAT = 1
"""Of the file. A reader refuses one that it does not know."""


class BadJournal(ValueError):
    """Why a file can't be read, with the number of its line."""


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """`ring.Record`, from a file."""

    line: int
    event: Event
    first_ns: int
    actions: list[Action] | None
    """None: the core has raised an exception."""
    deadline_ns: int | None
    times: int
    last_ns: int
    rule: str
    span_ns: int


@dataclass(slots=True)
class ReadBlock:
    line: int
    number: int
    began_ns: int
    missed: int
    state: dict[str, Any] = field(default_factory=dict)
    records: list[ReadRecord] = field(default_factory=list)


@dataclass(slots=True)
class ReadRouter:
    label: str
    blocks: list[ReadBlock] = field(default_factory=list)


@dataclass(slots=True)
class JournalFile:
    header: dict[str, Any]
    documents: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    routers: list[ReadRouter] = field(default_factory=list)


def compose(header: dict[str, Any], more: Iterable[dict[str, Any]], history: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a file. `more`: documents and statuses, `history`: `Journal.lines`."""
    count = 0
    for value in ({"vipkeeperJournal": FORMAT} | header, *more):
        count += 1
        yield json.dumps(value, separators=(",", ":")).encode() + b"\n"
    for line in history:
        count += 1
        yield line
    yield b'{"end":%d}\n' % (count + 1)


def read(data: bytes, version: str) -> JournalFile:
    """Raises BadJournal. `version`: ours, for what we say about files of another one."""
    return _Reader(version).read(data)


class _Reader:
    def __init__(self, version: str) -> None:
        self._version = version
        self._line = 0
        self._file = JournalFile({})
        self._block: ReadBlock | None = None
        self._ended = False

    def read(self, data: bytes) -> JournalFile:
        for line in data.splitlines():
            self._line += 1
            self._take(self._json(line))
        if not self._ended:
            self._refuse(f'the file is cut off after this line: its last one has to be {{"end": {self._line + 1}}}')
        return self._file

    def _json(self, line: bytes) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError as error:
            self._refuse(f"is not JSON ({error}){'; no journal of vipkeeper' if self._line == 1 else ''}")
        if not isinstance(value, dict):
            self._refuse("is no JSON object")
        return value

    def _take(self, value: dict[str, Any]) -> None:
        if self._ended:
            self._refuse("stands behind the end of the journal")
        takes: dict[str, Callable[[dict[str, Any]], None]] = {
            "document": lambda value: self._file.documents.append(value["document"]),
            "status": lambda value: self._file.statuses.append(value["status"]),
            "label": lambda value: self._file.routers.append(ReadRouter(str(value["label"]))),
            "block": self._take_block,
            "state": self._take_state,
            "event": self._take_record,
            "end": self._take_end,
        }
        if self._line == 1:
            self._take_header(value)
            return
        for name, take in takes.items():
            if name in value:
                take(value)
                return
        self._refuse(f"has none of {', '.join(takes)}")

    def _take_header(self, value: dict[str, Any]) -> None:
        number = value.get("vipkeeperJournal")
        if number is None:
            self._refuse("is no header: this is no journal of vipkeeper")
        if number != FORMAT:
            self._refuse(f"is of format {number}, of vipkeeper {value.get('version')}; {self._version} reads {FORMAT}")
        if not isinstance(value.get("version"), str):
            self._refuse("does not say of which version it is")
        self._file.header = value

    def _take_block(self, value: dict[str, Any]) -> None:
        if not self._file.routers:
            self._refuse("a block before any router")
        number, began_ns, missed = (self._number(value, name) for name in ("block", "at", "missed"))
        self._block = ReadBlock(self._line, number, began_ns, missed)
        self._file.routers[-1].blocks.append(self._block)

    def _take_state(self, value: dict[str, Any]) -> None:
        if self._block is None or self._block.state or not isinstance(value["state"], dict):
            self._refuse("a state that belongs to no block")
        self._block.state = {name: self._decoded(item) for name, item in value["state"].items()}
        ours = {name for name in VirtualRouter.__slots__ if name != "_actions"}
        odd = sorted(ours ^ self._block.state.keys())
        if odd:
            theirs = self._file.header["version"]
            self._refuse(
                f"the core of {theirs}, which wrote this, is another one than that of {self._version}, which reads it"
                f" ({', '.join(odd)}): replay it with {theirs}"
            )

    def _take_record(self, value: dict[str, Any]) -> None:
        if self._block is None or not self._block.state:
            self._refuse("an event that belongs to no block")
        event, actions = self._decoded(value["event"]), value.get("actions")
        if not isinstance(event, Event):
            self._refuse(f"{event!r} is no event")
        if actions is not None and not isinstance(actions, list):
            self._refuse("actions are not a list")
        first_ns = self._number(value, "at")
        several = "times" in value
        self._block.records.append(
            ReadRecord(
                line=self._line,
                event=event,
                first_ns=first_ns,
                actions=None if actions is None else [self._decoded(item) for item in actions],
                deadline_ns=None if value.get("deadline") is None else self._number(value, "deadline"),
                times=self._number(value, "times") if several else 1,
                last_ns=self._number(value, "until") if several else first_ns,
                rule=str(value.get("rule", "")),
                span_ns=self._number(value, "span") if several else 0,
            )
        )

    def _take_end(self, value: dict[str, Any]) -> None:
        if value["end"] != self._line:
            self._refuse(f"is line {value['end']} of the journal: lines are missing, or there are too many")
        self._ended = True

    def _number(self, value: dict[str, Any], name: str) -> int:
        number = value.get(name)
        if isinstance(number, bool) or not isinstance(number, int):
            self._refuse(f"{name}: {number!r} is not a whole number")
        return number

    def _decoded(self, value: Any) -> Any:
        try:
            return decode(value)
        except ValueError as error:
            self._refuse(str(error))

    def _refuse(self, why: str) -> NoReturn:
        raise BadJournal(f"line {self._line}: {why}")
