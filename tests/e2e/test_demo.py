"""`make demo` is played as a user would, without a terminal, and twice: it ends well and tells what it measured."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cluster.paths import ROOT
from tests.e2e.conftest import Figure
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import TAKEOVER_MS

GAP = re.compile(r"longest gap that the client saw: (\d+) ms by ping .*, (\d+) ms by HTTP")
AT_MOST_S = 200


@pytest.fixture
def _no_trace_of_it(lab: Lab) -> Iterator[None]:
    yield
    lab.cluster.delete((ROOT / "examples/web.yaml").read_text())
    lab.cluster.kubectl("delete", "vip", "web", "--ignore-not-found")
    lab.cluster.remove_client("demo")


@pytest.mark.timeout(2 * AT_MOST_S, func_only=True)
@pytest.mark.usefixtures("_no_trace_of_it")
def test_demo_shows_the_gap_and_can_be_played_again(figure: Figure) -> None:
    for time in ("first", "second"):
        played = subprocess.run(
            [sys.executable, "-m", "tests.demo"], cwd=ROOT, capture_output=True, text=True, timeout=AT_MOST_S
        )
        assert played.returncode == 0, played.stdout + played.stderr
        (gap,) = [line for line in played.stdout.splitlines() if "gap" in line]
        measured = GAP.search(gap)
        assert measured, gap
        assert "hello from web-" in played.stdout
        assert "\x1b[" not in played.stdout, "colours without a terminal"
        figure(f"the demo, played the {time} time: gap by ping", float(measured[1]), TAKEOVER_MS)
        figure(f"the demo, played the {time} time: gap by HTTP", float(measured[2]), TAKEOVER_MS)
