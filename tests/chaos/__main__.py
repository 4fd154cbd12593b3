"""`python -m tests.chaos [--seed N]... [--seconds S] [--nodes N] [--interval MS] [--only FAULT,...]`:
exit code 1 at a broken promise."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos import chaos
from tests.chaos.faults import Fault, Timing
from vipkeeper.engine import realtime

ROOT = Path(__file__).parents[2]


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        print("make chaos needs root: it makes network namespaces")
        return 1
    timing = Timing(options.interval, real_time())
    failed = False
    for seed in options.seed or [random.randrange(10**6)]:
        with tempfile.TemporaryDirectory(prefix="vipkeeper-chaos-") as folder:
            keep_in = ROOT / "build" / "chaos" / f"seed-{seed}"
            result = chaos.run(
                seed, options.seconds, options.nodes, timing, Path(folder), keep_in, faults=options.only, tell=_tell
            )
        _tell(str(result))
        _tell(", ".join(f"{name} {count}" for name, count in sorted(result.steps.items())))
        if result.violations:
            failed = True
            again = (
                f"--seed {seed} --seconds {options.seconds:.0f} --nodes {options.nodes} --interval {options.interval}"
            )
            again += f" --only {','.join(fault.name for fault in options.only)}" if options.only != list(Fault) else ""
            _tell(f"the same again: python -m tests.chaos {again}; journals (vipkeeper replay FILE): {result.kept}")
    return int(failed)


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
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
