"""What a long run was, as a table for docs/chaos.md. Pure, but for the file that it is put into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

BEGIN, END = "<!-- run: begin -->", "<!-- run: end -->"
PLANS = [(nodes, interval_ms) for interval_ms in (100, 10, 250) for nodes in (3, 4, 5)]
"""Nodes and interval of the runs that share a long time."""


@dataclass(frozen=True, slots=True)
class Run:
    seed: int
    nodes: int
    interval_ms: int
    seconds: float
    steps: Counter[str] = field(default_factory=Counter)
    violations: tuple[str, ...] = ()


def plan(first_seed: int, minutes: float) -> list[Run]:
    """Each of PLANS for the same time."""
    seconds = round(60 * minutes / len(PLANS), 1)
    return [Run(first_seed + number, nodes, ms, seconds) for number, (nodes, ms) in enumerate(PLANS)]


def table(runs: Sequence[Run], when: str, version: str) -> str:
    total: Counter[str] = sum((run.steps for run in runs), Counter())
    minutes = sum(run.seconds for run in runs) / 60
    violations = sum(len(run.violations) for run in runs)
    head = f"{when}, {version}: {minutes:.0f} minutes, {sum(total.values())} steps, {violations or 'no'} violations."
    rows = [
        f"| {run.seed} | {run.nodes} | {run.interval_ms} ms | {run.seconds:.0f} | {sum(run.steps.values())} |"
        f" {'<br>'.join(run.violations) or 'none'} |"
        for run in runs
    ]
    faults = [f"| {name} | {count} |" for name, count in sorted(total.items())]
    return "\n".join(
        [
            head,
            "",
            "| seed | nodes | interval | seconds | steps | violations |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "| fault | times |",
            "|---|---|",
            *faults,
        ]
    )


def put_into(file: Path, content: str) -> None:
    """Instead of what stands between the two marks."""
    before, begin, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{file} has no {BEGIN} and {END}")
    file.write_text(f"{before}{BEGIN}\n{content}\n{END}{after}")
