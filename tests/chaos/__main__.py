"""`python -m tests.chaos [--seed N]... [--seconds S] [--nodes N] [--interval MS] [--only FAULT,...]`:
exit code 1 at a broken promise. `--minutes M`: three to five nodes and several intervals share them;
`--summary docs/chaos.md` puts the table of it there."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos import chaos, summary
from tests.chaos.faults import Fault, Timing
from tests.chaos.summary import Run
from vipkeeper.engine import realtime

ROOT = Path(__file__).parents[2]


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        print("make chaos needs root: it makes network namespaces")
        return 1
    if options.cluster:
        return _on_the_cluster(options)
    if options.minutes:
        runs = summary.plan(options.seed[0] if options.seed else random.randrange(10**6), options.minutes)
    else:
        seeds = options.seed or [random.randrange(10**6)]
        runs = [summary.Run(seed, options.nodes, options.interval, options.seconds) for seed in seeds]
    done = [_run(run, options.only) for run in runs]
    if options.summary:
        commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=ROOT)
        version = f"commit {commit.stdout.strip() or 'unknown'}"
        summary.put_into(options.summary, summary.table(done, f"{datetime.now(UTC):%Y-%m-%d}", version))
    return int(any(run.violations for run in done))


def _on_the_cluster(options: argparse.Namespace) -> int:
    """The test that does it, for longer."""
    environment = os.environ | {"VIPKEEPER_CHAOS_SECONDS": str(options.seconds)}
    if options.seed:
        environment["VIPKEEPER_CHAOS_SEED"] = str(options.seed[0])
    command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/e2e/test_chaos.py"]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def _run(run: Run, faults: list[Fault]) -> Run:
    keep_in = ROOT / "build" / "chaos" / f"seed-{run.seed}"
    timing = Timing(run.interval_ms, real_time())
    with tempfile.TemporaryDirectory(prefix="vipkeeper-chaos-") as folder:
        result = chaos.run(run.seed, run.seconds, run.nodes, timing, Path(folder), keep_in, faults=faults, tell=_tell)
    _tell(str(result))
    _tell(", ".join(f"{name} {count}" for name, count in sorted(result.steps.items())))
    if result.violations:
        again = f"--seed {run.seed} --seconds {run.seconds:.0f} --nodes {run.nodes} --interval {run.interval_ms}"
        again += f" --only {','.join(fault.name for fault in faults)}" if faults != list(Fault) else ""
        _tell(f"the same again: python -m tests.chaos {again}; journals (vipkeeper replay FILE): {result.kept}")
    return replace(run, steps=result.steps, violations=tuple(result.violations))


def real_time() -> bool:
    """Whether engines get it here. Asked in a child, which has it."""
    child = os.fork()
    if child == 0:
        os._exit(0 if realtime.ask_for_real_time(realtime.ENGINE_PRIORITY) else 1)
    return os.waitpid(child, 0)[1] == 0


def _tell(text: str) -> None:
    print(text, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", help="several: one run after the other [drawn]")
    parser.add_argument("--seconds", type=float, default=120.0, help="of each run [120]")
    parser.add_argument("--nodes", type=int, default=3, choices=range(2, 6), help="[3]")
    parser.add_argument("--interval", type=int, default=100, help="between adverts, in milliseconds [100]")
    only = "the names of the faults to draw from, with commas [all]"
    parser.add_argument(
        "--only", type=lambda text: [Fault[name] for name in text.split(",")], default=list(Fault), help=only
    )
    parser.add_argument("--minutes", type=float, default=0, help="of several runs together, with seeds from --seed on")
    parser.add_argument("--cluster", action="store_true", help="on the nodes of the kind cluster (tests/cluster)")
    parser.add_argument("--summary", type=Path, help="put the table of the runs into this file, between its marks")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
