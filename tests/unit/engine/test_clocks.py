"""Nothing of the speaker depends on the date (all of operator/vipkeeper is looked through): whoever sets the clock of a node moves no address.

Elections, leases and patience count by the monotonic clock. The files that may ask for the date are named here, with
the reason. (tests/netns/test_faults.py runs an engine in which asking for it is an error, or gives nonsense.)
"""

from __future__ import annotations

import ast
from pathlib import Path

import vipkeeper

PACKAGE = Path(vipkeeper.__file__).parent
SPEAKER = ("engine", "vrrp", "ipc", "journal", "health")
ASKS_FOR_THE_DATE = {"time", "time_ns", "gmtime", "localtime", "ctime", "clock_gettime", "clock_gettime_ns", "strftime"}
MAY: dict[str, str] = {
    "engine/hosted_router.py": "the timestamp of an HMAC trailer that is sent",
    "engine/receiver.py": "the timestamp of an HMAC trailer that was received; stamps of packets (engine/arrivals.py)",
    "engine/journal_writer.py": "the name of a journal, and its date for people; in a child of the engine",
}


def askers() -> set[str]:
    """Files with a call of one of these functions of the module `time`, or with any way to import them otherwise."""
    found = set()
    for package in SPEAKER:
        for path in (PACKAGE / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "time"
                if (named and isinstance(node, ast.Attribute) and node.attr in ASKS_FOR_THE_DATE) or (
                    isinstance(node, ast.ImportFrom) and node.module == "time"
                ):
                    found.add(str(path.relative_to(PACKAGE)))
    return found


def test_only_these_files_of_the_speaker_ask_for_the_date() -> None:
    assert askers() == set(MAY)


def test_nothing_of_the_speaker_in_the_engine_loads_datetime() -> None:
    sources = [path for package in ("engine", "vrrp", "ipc") for path in (PACKAGE / package).rglob("*.py")]
    assert len(sources) > 40
    assert not [path for path in sources if "datetime" in path.read_text()]
