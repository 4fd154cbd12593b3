"""`make demo` is played as a user would, without a terminal, and twice: it ends well and tells what it measured."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.cluster.paths import ROOT
from tests.e2e.conftest import Figure
from tests.e2e.support.lab import Lab
from tests.e2e.support.limits import HANDOVER_MS, NO_GAP_MS, NO_HTTP_GAP_MS, SKEW_MS, TAKEOVER_MS

GAP = re.compile(r"longest gap that the client saw: (\d+) ms by ping .*, (\d+) ms by HTTP")
AT_MOST_S = 300
SCENES = (
    ("crash", TAKEOVER_MS, TAKEOVER_MS),
    ("firewall", NO_GAP_MS, NO_HTTP_GAP_MS),
    ("move", HANDOVER_MS, SKEW_MS),
    ("release", HANDOVER_MS, SKEW_MS),
)
"""What is measured, in its order, with the limits for ping and HTTP."""


@pytest.fixture
def _no_trace_of_it(lab: Lab) -> Iterator[None]:
    yield
    lab.cluster.delete((ROOT / "examples/web.yaml").read_text())
    lab.cluster.kubectl("delete", "vip", "web", "--ignore-not-found")
    lab.cluster.remove_client("demo")


@pytest.mark.timeout(2 * AT_MOST_S, func_only=True)
@pytest.mark.usefixtures("_no_trace_of_it")
def test_demo_shows_crash_firewall_and_move_and_can_be_played_again(figure: Figure) -> None:
    for which in ("first", "second"):
        played = subprocess.run(
            [sys.executable, "-m", "tests.demo"], cwd=ROOT, capture_output=True, text=True, timeout=AT_MOST_S
        )
        assert played.returncode == 0, played.stdout + played.stderr
        gaps = GAP.findall(played.stdout)
        assert len(gaps) == len(SCENES), played.stdout
        assert "hello from web-" in played.stdout
        assert "\x1b[" not in played.stdout, "colours without a terminal"
        assert "one owner in the kernels of all nodes" in played.stdout
        assert re.search(r"\S+ does not hear \S+ since 20", played.stdout), "the condition names the pair"
        assert '"phase": "Done"' in played.stdout
        for (scene, ping_limit_ms, http_limit_ms), (ping_ms, http_ms) in zip(SCENES, gaps, strict=True):
            figure(f"the demo, played the {which} time, {scene}: gap by ping", float(ping_ms), ping_limit_ms)
            figure(f"the demo, played the {which} time, {scene}: gap by HTTP", float(http_ms), http_limit_ms)


def _as_at_a_terminal() -> None:
    """A shell has its jobs in the background ignore SIGINT, and whatever they start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.usefixtures("_no_trace_of_it")
def test_demo_that_is_stopped_by_ctrl_c_leaves_a_cluster_in_order(lab: Lab) -> None:
    """In the middle of a fault, with the programs that it has started interrupted as well."""
    command = [sys.executable, "-u", "-m", "tests.demo"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_as_at_a_terminal
    ) as demo:
        assert demo.stdout is not None
        assert any("drops VRRP" in line for line in demo.stdout)
        time.sleep(3)
        os.killpg(demo.pid, signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(60) == 130
    assert "stopped by Ctrl-C" in rest
    assert "Traceback" not in rest
    for node in lab.workers:
        tables = lab.cluster.host_run([*lab.cluster.node_prefix(node), "nft", "list", "tables"]).stdout
        assert "vipkeeper_test" not in tables
