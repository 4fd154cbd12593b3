"""What one engine writes and the next one reads, across a fork."""

import os
import signal

from vipkeeper.engine.state_memory import StateMemory


def in_a_child(memory: StateMemory, work: str) -> None:
    child = os.fork()
    if child == 0:
        try:
            memory.reread()
            exec(work, {"memory": memory})
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_the_next_engine_knows_who_was_active_and_when() -> None:
    memory = StateMemory()
    in_a_child(memory, "memory.remember('uid-1', 111); memory.remember('uid-2', 222); memory.remember('uid-1', 333)")
    in_a_child(memory, "assert memory.last_advert_ns('uid-1') == 333; memory.remember('uid-2', None)")
    memory.reread()
    assert memory.last_advert_ns("uid-1") == 333
    assert memory.last_advert_ns("uid-2") is None
    assert memory.last_advert_ns("never heard of") is None


def test_what_an_engine_wrote_before_it_was_killed_is_there() -> None:
    memory = StateMemory()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        memory.reread()
        memory.remember("uid-1", 111)
        memory.remember("uid-1", 222)
        os.write(writer, b"written")
        signal.pause()
        os._exit(1)
    assert os.read(reader, 7) == b"written"
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    os.close(reader)
    os.close(writer)
    in_a_child(memory, "assert memory.last_advert_ns('uid-1') == 222")


def test_what_is_forgotten_makes_room() -> None:
    memory = StateMemory(slots=2)
    memory.remember("a", 1)
    memory.remember("b", 2)
    memory.remember("c", 3)
    assert memory.last_advert_ns("c") is None, "no room: starts as Backup after a crash"
    memory.forget("a")
    memory.remember("c", 3)
    assert (memory.last_advert_ns("a"), memory.last_advert_ns("b"), memory.last_advert_ns("c")) == (None, 2, 3)
    memory.reread()
    assert (memory.last_advert_ns("b"), memory.last_advert_ns("c")) == (2, 3)


def test_a_backup_takes_no_room_and_a_long_uid_is_cut() -> None:
    memory = StateMemory(slots=1)
    memory.remember("backup", None)
    memory.remember("x" * 100, 5)
    memory.reread()
    assert memory.last_advert_ns("x" * 100) == 5
