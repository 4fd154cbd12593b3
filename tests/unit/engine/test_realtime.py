"""Wishes that the machine may refuse: said in one line, and life goes on. (In a speaker: tests/netns/test_footprint.py.)"""

import gc
import os
import resource
import signal
import weakref

import pytest

from tests.unit.engine.own_network import in_a_child
from vipkeeper.engine import realtime

NOBODY = 65534


class Ring:
    """Only a collection gets rid of it."""

    def __init__(self) -> None:
        self.myself = self


@pytest.mark.root
def test_refused_wishes_are_said_once_each_and_nothing_ends(capfd: pytest.CaptureFixture[str]) -> None:
    def nobody_asks() -> None:
        resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
        os.setuid(NOBODY)
        assert realtime.ask_for_real_time(realtime.ENGINE_PRIORITY) is False
        assert realtime.keep_memory() is False
        realtime.wake_on_time()
        assert os.sched_getscheduler(0) == os.SCHED_OTHER

    in_a_child(nobody_asks)
    assert [line.partition(";")[0] for line in capfd.readouterr().err.splitlines()] == [
        "real-time scheduling is refused",
        "locking memory is refused",
    ]


def test_a_child_whose_parent_is_gone_already_ends_at_once() -> None:
    child = os.fork()
    if child == 0:
        realtime.end_with_parent(os.getpid())  # which is not our parent
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_child_is_told_to_end_when_its_parent_dies() -> None:
    reader, writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        parents_pid = os.getpid()
        if os.fork() == 0:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            realtime.end_with_parent(parents_pid)
            os.write(writer, b"ready\n")
            told = signal.sigtimedwait({signal.SIGTERM}, 30)
            os.write(writer, b"told\n" if told else b"not told\n")
            os._exit(0)
        signal.pause()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.readline() == b"ready\n"
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        assert pipe.readline() == b"told\n"


def test_garbage_is_collected_when_we_say_so_and_not_before() -> None:
    def body() -> None:
        realtime.take_garbage_collection_in_hand()
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0
        ring = Ring()
        seen = weakref.ref(ring)
        del ring
        for _ in range(5):
            assert [[] for _ in range(2000)], "enough to start a collection"
        assert seen() is not None
        realtime.collect()
        assert seen() is None

    in_a_child(body)
