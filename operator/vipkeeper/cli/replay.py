"""What the `vipkeeper replay` command does: read a journal, tell it, hand it to the core again."""

from __future__ import annotations

import sys
from pathlib import Path

import vipkeeper
from vipkeeper.journal.file import BadJournal, JournalFile, read
from vipkeeper.journal.replay import Difference, events, replay
from vipkeeper.journal.timeline import Clock, summary, timeline

SAME, DIFFERENT, REFUSED = 0, 1, 2


def show(path: Path, router: str, *, with_timeline: bool) -> int:
    """Print everything; the exit code."""
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        journal = read(data, vipkeeper.__version__)
    except OSError as error:
        print(f"{path}: {error.strerror}", file=sys.stderr)
        return REFUSED
    except BadJournal as error:
        print(f"{path}: {error}", file=sys.stderr)
        return REFUSED
    for line in summary(journal):
        print(line)
    if with_timeline:
        for line in ("", *timeline(journal, router), ""):
            print(line)
    return _verdict(journal)


def _verdict(journal: JournalFile) -> int:
    theirs = journal.header["version"]
    if theirs != vipkeeper.__version__:
        print(f"written by vipkeeper {theirs}, replayed by {vipkeeper.__version__}: a difference may be meant")
    differences = replay(journal)
    for difference in differences:
        _tell(difference, Clock(journal.header))
    if not differences:
        print(f"no difference: {len(journal.routers)} routers, {events(journal)} events, the core does what it did")
        return SAME
    return DIFFERENT


def _tell(difference: Difference, clock: Clock) -> None:
    print(f"first difference of {difference.router}: line {difference.line}, {clock.date(difference.at_ns)}")
    print(f"  event     {difference.what}")
    print(f"  recorded  {difference.recorded}")
    print(f"  replayed  {difference.replayed}")
