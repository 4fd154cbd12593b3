"""One line, readable by people and by grep; and never a wait."""

import os
import subprocess
import sys

import pytest

from vipkeeper.engine.log import log, set_level, warn


def test_a_line_has_its_words_and_its_fields(capfd: pytest.CaptureFixture[str]) -> None:
    log("left", vip="web", took_ms=3, reason=None, why="no more", empty="")
    log("", vip="web", state="active")
    assert capfd.readouterr().err == 'left vip=web took_ms=3 why="no more" empty=""\nvip=web state=active\n'


def test_a_level_of_warning_leaves_the_troubles(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        set_level("Warning")
        log("engine started", pid=7)
        warn("engine died", status=-9)
    finally:
        set_level("Info")
    assert capfd.readouterr().err == "engine died status=-9\n"
    log("engine started", pid=7)
    assert capfd.readouterr().err == "engine started pid=7\n"


def test_a_full_pipe_loses_lines_and_says_how_many_when_it_is_read_again() -> None:
    code = (
        "from vipkeeper.engine.log import log, make_unblocking\n"
        "make_unblocking()\n"
        "for number in range(5000): log('x' * 1000, number=number)\n"
        "print('done', flush=True)\n"
        "input()\n"
        "log('again')\n"
    )
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writer, text=True
    ) as process:
        os.close(writer)
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        seen = b""
        while b"number=" in (piece := os.read(reader, 65536)) and len(piece) == 65536:
            seen += piece
        assert process.stdin is not None
        os.set_blocking(reader, False)
        while True:
            try:
                seen += os.read(reader, 65536)
            except BlockingIOError:
                break
        os.set_blocking(reader, True)
        process.stdin.write("\n")
        process.stdin.flush()
        last = b""
        while piece := os.read(reader, 65536):
            last += piece
        os.close(reader)
    assert last.startswith(b"lost_log_lines=")
    assert last.endswith(b" again\n")
