"""The results: docs/benchmarks.md, and the same table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tests.bench.figures import Figure, Section

BUSY = 0.75
"""Load average (one minute, per CPU) at the begin of a benchmark from which others must have been at work."""


def render(sections: Sequence[Section], machine: Sequence[str], when: str, quick: bool, cpus: int, folder: str) -> str:
    lines = [
        "# Benchmarks",
        "",
        "vipkeeper and keepalived on the same machine in the same run, seen from outside: frames stamped by the kernel",
        "as they enter the bridge, addresses as rtnetlink tells them, CPU and memory from /proc. Hosts are network",
        "namespaces on one bridge. Both speak VRRP version 3 with priorities 200 and 100. keepalived has its real-time",
        "options on (`vrrp_rt_priority 50`, `vrrp_no_swap`) where the table does not say otherwise, and",
        "`vrrp_rlimit_rttime` raised: with its default of 10 ms the kernel kills it with 200 VRIDs, or under junk.",
        "Made by `make bench`; do not edit.",
        "",
        "Each figure is the median (smallest .. largest, number of repetitions). A goal is judged by the worst repetition.",
        "",
        f"## The machine ({when}{', a short run' if quick else ''})",
        "",
        *(f"- {line}" for line in machine),
    ]
    for section in sections:
        lines += ["", f"## {section.title}", "", section.story, "", *_table(section)]
        if to_plot(section):
            lines += ["", f"![{section.title}: {section.plotted}]({folder}/{plot_name(section)})"]
        lines += ["", *(f"- {remark}" for remark in remarks(section, cpus))]
    return "\n".join([*lines, ""])


def to_plot(section: Section) -> list[Figure]:
    return [figure for figure in section.figures if figure.quantity == section.plotted and figure.values]


def plot_name(section: Section) -> str:
    return section.title.lower().replace(" ", "-") + ".svg"


def remarks(section: Section, cpus: int) -> list[str]:
    begin, end = section.load_average
    load = f"Load average {begin:.1f} at the begin, {end:.1f} at the end."
    if begin > BUSY * cpus:
        load += " **Others were at work on this machine: read these figures as upper bounds.**"
    return [*section.remarks, load]


def _table(section: Section) -> list[str]:
    if not section.figures:
        return ["Not measured."]
    lines = ["| case | program | what | measured | goal, and notes |", "|---|---|---|---|---|"]
    for figure in section.figures:
        ending = "; ".join(text for text in (figure.verdict(), figure.note) if text)
        lines.append(f"| {figure.case} | {figure.program} | {figure.quantity} | {figure.spread()} | {ending} |")
    return lines


def table(section: Section) -> Table:
    """For the terminal."""
    result = Table(title=section.title, title_justify="left")
    for heading in ("case", "program", "what", "median (min .. max)", "goal"):
        result.add_column(heading)
    for figure in section.figures:
        verdict = figure.verdict()
        colour = "green" if verdict.endswith(": reached") else "yellow"
        ending = "; ".join(text for text in (f"[{colour}]{verdict}[/]" if verdict else "", figure.note) if text)
        result.add_row(figure.case, figure.program, figure.quantity, figure.spread(), ending)
    return result
