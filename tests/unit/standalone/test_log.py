"""operator/vipkeeper/standalone/log.py, in a process of its own: it takes the root logger."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import logging, os
from vipkeeper.standalone import log
log.set_up()
reader, writer = os.pipe()
thread = log.relay(reader)
os.write(writer, b"vip=web state=active\\nhalf a line")
os.close(writer)
thread.join()
logging.getLogger("checks").info("done")
"""


def said(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    return done.stderr.splitlines()


def test_lines_of_the_engine_and_of_ours_have_their_time_and_none_is_lost() -> None:
    lines = [re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (.*)", line) for line in said()]
    assert [line[1] for line in lines if line] == ["vip=web state=active", "half a line", "done"]


def test_the_journal_knows_the_time_by_itself(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    with journal.open("wb") as stream:
        found = os.fstat(stream.fileno())
        environment = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        subprocess.run([sys.executable, "-c", PROGRAM], env=environment, stderr=stream, timeout=30, check=True)
    assert journal.read_text().splitlines() == ["vip=web state=active", "half a line", "done"]
