"""One thread, one epoll, two kinds of timers: the order in which things happen after a wake-up is decided here.

1. Routers' timers (`urgent`) that are due. So an advert that is due is never behind somebody's junk, and an Active
   that slept too long (a stopped process, a paused machine) learns that before anything is read, refreshed or sent.
2. What is readable, each reader bounded by itself; routers' timers are looked at again after each.
3. Other timers: refreshes of addresses, repeats of announcements, status.

Waiting is done by select(2) on the epoll's own descriptor: its timeout counts microseconds, epoll_wait's milliseconds,
and an advertisement interval may be ten of those. Each wake-up for an urgent timer is measured; `max_lateness_ns` is
the worst.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable

Callback = Callable[[int], None]
"""Called with the time, in nanoseconds of the monotonic clock."""

_MAX_WAIT_S = 3600.0


class Timer:
    """Rings once at `deadline_ns`, or up to `slack_ns` before that together with one that is due.

    Kept lazily: to move a deadline back, as each advert of an Active does with the down timer of its Backup, costs
    nothing until the old one comes to the front of the heap.
    """

    __slots__ = ("_heap", "_loop", "callback", "deadline_ns", "queued_ns", "slack_ns")

    def __init__(self, loop: Loop, heap: Heap, callback: Callback) -> None:
        self._loop = loop
        self._heap = heap
        self.callback = callback
        self.deadline_ns: int | None = None
        self.queued_ns: int | None = None
        """Of its entry in the heap that counts; others were overtaken."""
        self.slack_ns = 0

    def set(self, deadline_ns: int | None) -> None:
        """Ring then (None: not at all) instead of when it was told before."""
        self.deadline_ns = deadline_ns
        if deadline_ns is not None and (self.queued_ns is None or deadline_ns < self.queued_ns):
            self.queued_ns = deadline_ns
            heapq.heappush(self._heap, (deadline_ns, self._loop.next_number(), self))

    def cancel(self) -> None:
        self.deadline_ns = None


Heap = list[tuple[int, int, Timer]]


class Loop:
    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._readers: dict[int, Callback] = {}
        self._urgent: Heap = []
        self._ordinary: Heap = []
        self._number = 0
        self._afterwards: list[Callback] = []
        self.running = False
        self.max_lateness_ns = 0

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def urgent_timer(self, callback: Callback) -> Timer:
        return Timer(self, self._urgent, callback)

    def timer(self, callback: Callback) -> Timer:
        return Timer(self, self._ordinary, callback)

    def watch(self, descriptor: int, callback: Callback, *, writable: bool = False) -> None:
        """Call back when `descriptor` can be read (or, with `writable`, also written), or has ended."""
        mask = select.EPOLLIN | select.EPOLLRDHUP | (select.EPOLLOUT if writable else 0)
        if descriptor in self._readers:
            self._epoll.modify(descriptor, mask)
        else:
            self._epoll.register(descriptor, mask)
        self._readers[descriptor] = callback

    def unwatch(self, descriptor: int) -> None:
        """Before the descriptor is closed."""
        if self._readers.pop(descriptor, None) is not None:
            self._epoll.unregister(descriptor)

    def pause(self, descriptor: int) -> None:
        """Do not look at it until `resume`."""
        if descriptor in self._readers:
            self._epoll.modify(descriptor, 0)

    def resume(self, descriptor: int) -> None:
        if descriptor in self._readers:
            self._epoll.modify(descriptor, select.EPOLLIN | select.EPOLLRDHUP)

    def afterwards(self, callback: Callback) -> None:
        """Call back at the end of this round: what may wait until the wire has been served."""
        self._afterwards.append(callback)

    def run(self) -> None:
        self.running = True
        while self.running:
            self.run_once(_MAX_WAIT_S)

    def stop(self) -> None:
        self.running = False

    def run_once(self, max_wait_s: float) -> None:
        """Wait for the next timer or descriptor, and serve what is due."""
        select.select([self._epoll], [], [], self._wait_s(max_wait_s))
        now_ns = time.monotonic_ns()
        self._measure(now_ns)
        self._ring(self._urgent, now_ns)
        for descriptor, _events in self._epoll.poll(0):
            callback = self._readers.get(descriptor)  # an earlier reader may have closed it
            if callback is not None:
                callback(time.monotonic_ns())
                self._ring(self._urgent, time.monotonic_ns())
        self._ring(self._ordinary, time.monotonic_ns())
        while self._afterwards:
            callbacks, self._afterwards = self._afterwards, []
            for callback in callbacks:
                callback(time.monotonic_ns())

    def close(self) -> None:
        self._epoll.close()

    def _wait_s(self, max_wait_s: float) -> float:
        if self._afterwards:
            return 0.0
        deadlines_ns = [first for heap in (self._urgent, self._ordinary) if (first := self._first_ns(heap)) is not None]
        if not deadlines_ns:
            return max_wait_s
        return min(max_wait_s, max(0, min(deadlines_ns) - time.monotonic_ns()) / 1e9)

    def _measure(self, now_ns: int) -> None:
        first_ns = self._first_ns(self._urgent)
        if first_ns is not None and now_ns - first_ns > self.max_lateness_ns:
            self.max_lateness_ns = now_ns - first_ns

    def _ring(self, heap: Heap, now_ns: int) -> None:
        """Those that are due, and with them those that may be early."""
        first_ns = self._first_ns(heap)
        if first_ns is None or first_ns > now_ns:
            return
        while first_ns is not None and first_ns - heap[0][2].slack_ns <= now_ns:
            timer = heapq.heappop(heap)[2]
            timer.queued_ns = timer.deadline_ns = None
            timer.callback(now_ns)
            first_ns = self._first_ns(heap)

    def _first_ns(self, heap: Heap) -> int | None:
        """When the first of them rings. On the way to it, those that were moved back go where they belong."""
        while heap:
            queued_ns, _number, timer = heap[0]
            if queued_ns == timer.deadline_ns == timer.queued_ns:
                return queued_ns
            if queued_ns != timer.queued_ns or timer.deadline_ns is None:
                heapq.heappop(heap)
                if queued_ns == timer.queued_ns:
                    timer.queued_ns = None
            else:
                timer.queued_ns = timer.deadline_ns
                heapq.heapreplace(heap, (timer.deadline_ns, self.next_number(), timer))
        return None
