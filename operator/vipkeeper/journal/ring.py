"""The ring: what happened to each router of this engine, in bounded bytes, and so that it can be replayed exactly.

A router's history is a chain of *blocks*. A block begins with the whole state of the core and holds up to 17 records
(what came in, what went out, when the timer rings next), so each block can be replayed alone. When the ring is full
the router that has most of it loses its oldest block in which nothing but adverts and timers happened, or else its
oldest one: chatter pushes out chatter, and last night's takeover stays.

*Runs*: most of what happens is the same advert again, or the own timer again. Such events are counted in one record,
first and last time, as long as what the core did and how it set its timer follow one of three rules:

    stays     the deadline is what it was          (an advert that is discarded)
    follows   a fixed time after the event         (the advert of the Active that we follow)
    steps     a fixed time after the last deadline (our own adverts)

Between the first and the last event of a run `replay` makes up the times (evenly, or the deadlines themselves), and by
these rules the core comes to the same end. It is the last two that count for what follows, and these are exact.

*Floods*: what comes faster than LIMIT blocks a second is counted and not recorded; the next block tells how many.

A repeated event costs a comparison and three assignments. Records are objects until their block is full, and JSON some
time later (`tidy`), when whoever owns the ring has time: many routers take over in one moment, and then fill their
blocks in one moment, too.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from vipkeeper.journal.codec import Encoder
from vipkeeper.vrrp.actions import Action, StateChanged
from vipkeeper.vrrp.events import AdvertReceived, Event, TimerFired
from vipkeeper.vrrp.router import VirtualRouter
from vipkeeper.vrrp.units import NS_PER_S

RING_BYTES = 1 << 20
BLOCK_RECORDS = 16
LIMIT = 4
"""Blocks a second of one router."""
MAX_WAITING = 256
"""Full blocks of all routers that are not JSON yet: with more of them nothing is recorded until there are less."""
_BLOCK_OVERHEAD_BYTES = 400
_LINE_OVERHEAD_BYTES = 40

MEMBERS = tuple(name for name in VirtualRouter.__slots__ if name != "_actions")
"""What a core remembers from one event to the next."""
state_of = attrgetter(*MEMBERS)
"""Their values, in the order of MEMBERS."""


class Record:
    """One event, or a run of them, and what the core made of it."""

    __slots__ = ("actions", "deadline_ns", "event", "first_ns", "last_ns", "rule", "span_ns", "times")

    def __init__(self, event: Event, now_ns: int, actions: list[Action] | None, deadline_ns: int | None) -> None:
        self.event = event
        self.first_ns = self.last_ns = now_ns
        self.times = 1
        self.actions = actions
        """None: the core has raised an exception."""
        self.deadline_ns = deadline_ns
        """After the last event."""
        self.rule = ""
        self.span_ns = 0
        """The fixed time of the rule."""

    def takes(self, event: Event, now_ns: int, actions: list[Action], deadline_ns: int | None) -> bool:
        """Count `event` here when it is the same again."""
        mine = self.event
        if type(event) is not type(mine) or deadline_ns is None or self.deadline_ns is None:
            return False
        if isinstance(event, AdvertReceived):
            assert isinstance(mine, AdvertReceived)
            if event.advert is not mine.advert and event.advert != mine.advert:
                return False
            rule, span_ns = "follows", deadline_ns - now_ns
            if deadline_ns == self.deadline_ns:
                rule, span_ns = "stays", 0
        elif isinstance(event, TimerFired):
            rule, span_ns = "steps", deadline_ns - self.deadline_ns
            if span_ns <= 0:
                return False
        else:
            return False
        if actions != self.actions:
            return False
        if not self.rule:
            if rule == "follows" and span_ns != self.deadline_ns - self.last_ns:
                return False
            self.rule, self.span_ns = rule, span_ns
        elif rule != self.rule or span_ns != self.span_ns:
            return False
        self.times += 1
        self.last_ns = now_ns
        self.deadline_ns = deadline_ns
        return True


class Block:
    __slots__ = ("began_ns", "eventful", "lines", "missed", "number", "records", "state")

    def __init__(self, number: int, began_ns: int, missed: int, state: tuple[Any, ...]) -> None:
        self.number = number
        self.began_ns = began_ns
        self.missed = missed
        """Events between the block before and this one that are not recorded."""
        self.state = state
        self.records: list[Record] = []
        self.lines: list[bytes] = []
        """Instead of the records, once it is packed."""
        self.eventful = False

    @property
    def size(self) -> int:
        return _BLOCK_OVERHEAD_BYTES + sum(len(line) + _LINE_OVERHEAD_BYTES for line in self.lines)


class Track:
    """The history of one router. `note` after each event that its core was given, before the actions are done."""

    def __init__(self, journal: Journal, number: int, label: str, core: VirtualRouter, now_ns: int) -> None:
        self.number = number
        self.label = label
        self.core = core
        self.blocks: list[Block] = []
        """Those that are full, oldest first."""
        self.size = 0
        """Of these, in bytes."""
        self.waiting: list[Block] = []
        """Those that are full, and no JSON yet."""
        self.ended = False
        self._journal = journal
        self._next_number = 0
        self._missed = 0
        self._second_ns = now_ns
        self._in_second = 0
        self._last: Record | None = None
        self._block: Block | None = None
        self._open(now_ns)

    def note(self, event: Event, now_ns: int, actions: list[Action]) -> None:
        last = self._last
        deadline_ns = self.core.deadline_ns
        if last is not None and last.takes(event, now_ns, actions, deadline_ns):
            return
        if self._block is None:
            if not self.ended:
                self._miss(now_ns)
            return
        self._last = record = Record(event, now_ns, actions, deadline_ns)
        self._block.records.append(record)
        if len(self._block.records) > BLOCK_RECORDS:
            self._close(now_ns)

    def failed(self, event: Event, now_ns: int) -> None:
        """The core has raised an exception on this event."""
        if self._block is not None:
            self._block.records.append(Record(event, now_ns, None, None))
            self._last = None

    def end(self) -> None:
        """The router has ended; what happened to it stays until the ring needs the room."""
        self.ended = True
        block, self._block, self._last = self._block, None, None
        if block is not None and block.records:
            self._journal.keep(self, block)

    def all_blocks(self) -> list[Block]:
        """The one that is being written included."""
        return [*self.blocks, *self.waiting, *([] if self._block is None else [self._block])]

    def drop_one(self) -> None:
        """The oldest of the dull ones, or the oldest."""
        index = next((index for index, block in enumerate(self.blocks) if not block.eventful), 0)
        self.size -= self.blocks.pop(index).size

    def _open(self, now_ns: int) -> None:
        """From here on, with the core as it is now."""
        self._block = Block(self._next_number, now_ns, self._missed, state_of(self.core))
        self._next_number += 1
        self._missed = 0
        self._last = None

    def _close(self, now_ns: int) -> None:
        block, self._block, self._last = self._block, None, None
        assert block is not None
        self._journal.keep(self, block)
        if self._may_open(now_ns):
            self._open(now_ns)

    def _may_open(self, now_ns: int) -> bool:
        if now_ns - self._second_ns >= NS_PER_S:
            self._second_ns, self._in_second = now_ns, 0
        self._in_second += 1
        return self._in_second < LIMIT and self._journal.waiting < MAX_WAITING

    def _miss(self, now_ns: int) -> None:
        self._missed += 1
        if now_ns - self._second_ns >= NS_PER_S and self._journal.waiting < MAX_WAITING:
            self._second_ns, self._in_second = now_ns, 0
            self._open(now_ns)


class Journal:
    """Of all routers of one engine. `tidy_soon` is called when there is something to tidy up; without it that is done
    at once."""

    def __init__(self, ring_bytes: int = RING_BYTES, tidy_soon: Callable[[], None] | None = None) -> None:
        self._ring_bytes = ring_bytes
        self._tidy_soon = self.tidy if tidy_soon is None else tidy_soon
        self._waiting: deque[Track] = deque()
        self._encoder = Encoder()
        self._tracks: list[Track] = []
        self._number = 0

    def track(self, label: str, core: VirtualRouter, now_ns: int) -> Track:
        """A new router."""
        self._number += 1
        track = Track(self, self._number, label, core, now_ns)
        self._tracks.append(track)
        return track

    @property
    def size(self) -> int:
        return sum(track.size for track in self._tracks)

    def lines(self) -> Iterator[bytes]:
        """Everything, as lines of a file (`file.py`)."""
        for track in self._tracks:
            blocks = track.all_blocks()
            if blocks:
                yield _line({"router": track.number, "label": track.label})
            for block in blocks:
                yield _line(
                    {"router": track.number, "block": block.number, "at": block.began_ns, "missed": block.missed}
                )
                yield from block.lines or self._lines_of(block)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def keep(self, track: Track, block: Block) -> None:
        """Nothing is added to `block` any more."""
        track.waiting.append(block)
        self._waiting.append(track)
        self._tidy_soon()

    def tidy(self, blocks: int = MAX_WAITING) -> bool:
        """Make at most so many blocks JSON, and throw away what is too much. Whether some are left to do."""
        for _ in range(min(blocks, len(self._waiting))):
            track = self._waiting.popleft()
            block = track.waiting.pop(0)
            self._pack(block)
            track.blocks.append(block)
            track.size += block.size
        self._trim()
        return bool(self._waiting)

    def _pack(self, block: Block) -> None:
        block.lines = self._lines_of(block)
        block.eventful = any(map(_is_eventful, block.records))
        block.records, block.state = [], ()

    def _trim(self) -> None:
        while self.size > self._ring_bytes:
            max(self._tracks, key=lambda track: track.size).drop_one()
        self._tracks = [track for track in self._tracks if not track.ended or track.blocks or track.waiting]

    def _lines_of(self, block: Block) -> list[bytes]:
        state = dict(zip(MEMBERS, map(self._encoder.encode, block.state), strict=True))
        return [_line({"state": state}), *(_line(self._record(record)) for record in block.records)]

    def _record(self, record: Record) -> dict[str, Any]:
        encode = self._encoder.encode
        value = {
            "at": record.first_ns,
            "event": encode(record.event),
            "actions": None if record.actions is None else list(map(encode, record.actions)),
            "deadline": record.deadline_ns,
        }
        if record.times > 1:
            value |= {"times": record.times, "until": record.last_ns, "rule": record.rule, "span": record.span_ns}
        return value


def _is_eventful(record: Record) -> bool:
    if not isinstance(record.event, AdvertReceived | TimerFired) or record.actions is None:
        return True
    return any(isinstance(action, StateChanged) for action in record.actions)


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
