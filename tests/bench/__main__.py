"""`python -m tests.bench [--quick] [--only NAME,NAME] [--page FILE]`: runs the benchmarks, prints and writes the page.

A benchmark that fails says so on the page and does not keep the others from running. Ctrl-C removes everything.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from tests.bench import (
    blocked,
    crash,
    handover,
    junk,
    kills,
    load,
    machine,
    many,
    nginx_death,
    page,
    plots,
    requests_lost,
)
from tests.bench.bench import Bench, CanNotRun
from tests.bench.figures import Section

ROOT = Path(__file__).parents[2]
BENCHMARKS: dict[str, Callable[[Bench], Section]] = {
    "crash": crash.measure,
    "kills": kills.measure,
    "handover": handover.measure,
    "blocked": blocked.measure,
    "requests": requests_lost.measure,
    "nginx": nginx_death.measure,
    "many": many.measure,
    "load": load.measure,
    "junk": junk.measure,
}


def main() -> int:
    options = _options()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    if os.geteuid() != 0:
        console.print("make bench needs root: it makes network namespaces")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end_once)
    begin = time.monotonic()

    def tell(text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begin), 60)
        console.print(f"[dim]{minutes:2d}:{seconds:02d}[/] {text}")

    try:
        sections = _run(Bench(options.quick, tell), options.only, console)
    except KeyboardInterrupt:
        console.print("stopped; everything is removed, no page was written")
        return 130
    described = machine.describe()
    options.page.parent.mkdir(parents=True, exist_ok=True)
    plots_folder = options.page.with_suffix("")
    if not options.only:
        for old in plots_folder.glob("*.svg"):
            old.unlink()
    text = page.render(sections, described, machine.today(), options.quick, os.cpu_count() or 1, plots_folder.name)
    options.page.write_text(text)
    for section in sections:
        if figures := page.to_plot(section):
            plots_folder.mkdir(exist_ok=True)
            (plots_folder / page.plot_name(section)).write_text(plots.draw(figures))
    tell(f"{options.page} is written")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="about 5 minutes instead of 14; fewer repetitions")
    parser.add_argument(
        "--only", type=_names, default=[], help=f"some of {','.join(BENCHMARKS)}, with commas between them"
    )
    parser.add_argument("--page", type=Path, help="default: docs/benchmarks.md, quick: build/benchmarks.md")
    options = parser.parse_args()
    if options.page is None:
        partial = options.quick or options.only
        options.page = ROOT / ("build" if partial else "docs") / "benchmarks.md"
    return options


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in BENCHMARKS:
            raise argparse.ArgumentTypeError(f"there is no benchmark {name!r}")
    return names


def _run(bench: Bench, only: list[str], console: Console) -> list[Section]:
    bench.tell("how punctual the machine is by itself")
    sections = [_itself(bench)]
    console.print(page.table(sections[0]))
    for name, measure in BENCHMARKS.items():
        if only and name not in only:
            continue
        begin = machine.load_average()
        section = _measured(name, measure, bench)
        section.load_average = (begin, machine.load_average())
        console.print(page.table(section))
        for remark in page.remarks(section, os.cpu_count() or 1):
            console.print(f"  {remark}")
        sections.append(section)
    return sections


def _itself(bench: Bench) -> Section:
    story = "A process that sleeps for 10 ms again and again, with real-time priority where that is granted."
    load = machine.load_average()
    figure = machine.punctuality(bench.times(10, 3))
    return Section("The machine's own punctuality", story, [figure], load_average=(load, load))


def _measured(name: str, measure: Callable[[Bench], Section], bench: Bench) -> Section:
    try:
        return measure(bench)
    except (CanNotRun, AssertionError, OSError, RuntimeError) as problem:
        bench.tell(f"[bold red]{name}: {problem}[/]")
        text = str(problem).strip().partition("\n")[0]
        return Section(name, "This benchmark could not run.", remarks=[f"It ended with: {text}"])


def _end_once(_number: int, _frame: object) -> None:
    """The first signal ends the run; what follows must not disturb the cleaning up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
