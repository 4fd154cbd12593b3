"""Lines over a socket, whatever pieces they come in. (Cut-offs, for real: tests/netns/test_documents.py.)"""

import socket
from collections.abc import Iterator

import pytest

from vipkeeper.engine.lines import CLOSED, MAX_UNSENT_BYTES, LineStream
from vipkeeper.engine.loop import Loop
from vipkeeper.ipc.messages import MAX_LINE_BYTES


class Conversation:
    def __init__(self) -> None:
        self.loop = Loop()
        ours, self.theirs = socket.socketpair()
        self.theirs.settimeout(10)
        self.lines: list[bytes] = []
        self.ends: list[str] = []
        self.stream = LineStream(self.loop, ours, self.lines.append, self.ends.append)


@pytest.fixture
def talk() -> Iterator[Conversation]:
    conversation = Conversation()
    yield conversation
    conversation.stream.close()
    conversation.theirs.close()
    conversation.loop.close()


def test_lines_come_whole_whatever_pieces_they_are_sent_in(talk: Conversation) -> None:
    for piece in (b"on", b"e\ntwo\nthr", b"ee\n"):
        talk.theirs.sendall(piece)
        talk.loop.run_once(1)
    assert talk.lines == [b"one", b"two", b"three"]


def test_the_end_of_the_other_side_is_told_once(talk: Conversation) -> None:
    talk.theirs.sendall(b"last\nhalf")
    talk.theirs.close()
    for _ in range(3):
        talk.loop.run_once(0.01)
    assert talk.lines == [b"last"]
    assert talk.ends == [CLOSED]
    talk.stream.send(b"too late\n")


def test_a_line_without_end_ends_the_conversation(talk: Conversation) -> None:
    talk.theirs.setblocking(False)
    sent = 0
    while not talk.ends:
        try:
            sent += talk.theirs.send(b"x" * 65536)
        except BlockingIOError:
            pass
        except OSError:
            break
        talk.loop.run_once(0.01)
    assert talk.ends == ["too long a line"]
    assert sent <= MAX_LINE_BYTES + (1 << 20)


def test_what_does_not_fit_is_sent_when_there_is_room(talk: Conversation) -> None:
    line = b"y" * 99_999 + b"\n"
    for _ in range(10):
        talk.stream.send(line)
    received = b""
    while len(received) < 10 * len(line):
        talk.loop.run_once(0.01)
        received += talk.theirs.recv(1 << 20)
    assert received == line * 10


def test_a_reader_that_is_too_slow_is_cut_off(talk: Conversation) -> None:
    for _ in range(MAX_UNSENT_BYTES // 100_000 + 20):
        talk.stream.send(b"z" * 100_000)
    assert talk.ends == ["too slow a reader"]
