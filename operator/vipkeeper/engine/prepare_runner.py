"""Runs `python3 -m vipkeeper.prepare`, one at a time, for the guard: request by memory file, answer by pipe.

A process of its own, because its library weighs 20 MiB and is needed for half a second. It is started without fork
(posix_spawn) and without our real-time scheduling (SCHED_RESET_ON_FORK).
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from vipkeeper.engine.inheritance import Prepared, needs_of
from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop
from vipkeeper.ipc.fields import Fields
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.vrrp.units import NS_PER_S

LIMIT_NS = 30 * NS_PER_S
CLEAN_UP_LIMIT_NS = 5 * NS_PER_S
_READ_BYTES = 1 << 16


class PrepareRunner:
    """`on_results` gets what was found, for each document that was asked for."""

    def __init__(self, loop: Loop, on_results: Callable[[dict[str, Prepared]], None]) -> None:
        self._loop = loop
        self._on_results = on_results
        self._wanted: dict[str, RenderedVirtualIP] = {}
        self._asked: dict[str, RenderedVirtualIP] = {}
        self._unwanted: set[str] = set()
        self._clean_up = False
        self._child = 0
        self._pipe = -1
        self._answer = bytearray()
        self._limit = loop.timer(self._take_too_long)

    @property
    def busy(self) -> bool:
        return bool(self._child)

    def ask(self, documents: tuple[RenderedVirtualIP, ...], now_ns: int, unwanted: tuple[str, ...] = ()) -> None:
        """What is asked while one runs goes to the next. `unwanted`: macvlans to remove."""
        self._wanted.update({document.name: document for document in documents})
        self._unwanted.update(unwanted)
        self._start(now_ns)

    def clean_up(self, now_ns: int) -> None:
        """Leave nothing of ours on this host: the last thing that is asked for."""
        self._wanted, self._clean_up = {}, True
        self._start(now_ns)

    def stop(self) -> None:
        """What runs, and what waits."""
        self._wanted, self._unwanted = {}, set()
        self._end_child()

    def _end_child(self) -> None:
        if self._child:
            os.kill(self._child, signal.SIGKILL)

    def _start(self, now_ns: int) -> None:
        if self._child or not (self._wanted or self._unwanted or self._clean_up):
            return
        remove = None if self._clean_up else sorted(self._unwanted)
        self._asked, self._wanted, self._unwanted, self._clean_up = self._wanted, {}, set(), False
        documents = [item.to_json() for item in self._asked.values()]
        request = os.memfd_create("prepare", os.MFD_CLOEXEC)
        os.write(request, json.dumps({"documents": documents, "remove": remove}).encode())
        os.lseek(request, 0, os.SEEK_SET)
        self._pipe, answer = os.pipe()
        os.set_blocking(self._pipe, False)
        self._child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "vipkeeper.prepare"],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, request, 0), (os.POSIX_SPAWN_DUP2, answer, 1)],
            setsigmask=[],
        )
        os.close(request)
        os.close(answer)
        self._answer.clear()
        self._loop.watch(self._pipe, self._read)
        self._limit.set(now_ns + (LIMIT_NS if self._asked or remove else CLEAN_UP_LIMIT_NS))

    def _read(self, now_ns: int) -> None:
        try:
            data = os.read(self._pipe, _READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self._answer += data
            return
        self._finish()
        self._start(now_ns)

    def _finish(self) -> None:
        self._loop.unwatch(self._pipe)
        os.close(self._pipe)
        self._limit.cancel()
        self._child, self._pipe = 0, -1  # the guard reaps it, like every child
        self._on_results(read_answer(bytes(self._answer), self._asked))

    def _take_too_long(self, _now_ns: int) -> None:
        warn("prepare takes too long; ended")
        self._end_child()


def read_answer(answer: bytes, asked: dict[str, RenderedVirtualIP]) -> dict[str, Prepared]:
    """A document without an answer has a problem: that there was none."""
    try:
        fields = Fields(json.loads(answer))
    except ValueError:
        fields = Fields({})
    results = fields.named_children("results")
    found = {}
    for name, document in asked.items():
        item = results.get(name)
        if item is None:
            found[name] = Prepared(needs_of(document), "", ("prepare ended without an answer",))
        else:
            interface, problems, macvlan = item.text("interface"), item.texts("problems"), item.text("macvlan", "")
            found[name] = Prepared(needs_of(document), interface, problems, macvlan)
    return found
