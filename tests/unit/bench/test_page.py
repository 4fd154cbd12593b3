"""What readers get to see."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from tests.bench.figures import Figure, Goal, Section
from tests.bench.page import remarks, render, table, to_plot

SECTION = Section(
    "Node crash",
    "How it was measured.",
    [Figure("100 ms", "vipkeeper", "ratio", "", (1.2, 1.3), Goal(1.005), "a note")],
    ["something was odd"],
    (0.5, 1.0),
)


def test_a_goal_that_was_missed_stands_on_the_page() -> None:
    text = render([SECTION], ["kernel: x"], "2026-01-01", False, 2, "benchmarks")
    assert (
        "| 100 ms | vipkeeper | ratio | 1.2500 (1.2000 .. 1.3000, n = 2) | at most 1.005: not reached yet; a note |"
        in text
    )
    assert "- something was odd" in text
    assert "- kernel: x" in text
    assert "a short run" not in text


def test_a_short_run_says_so() -> None:
    assert "a short run" in render([SECTION], [], "2026-01-01", True, 2, "benchmarks")


def test_a_busy_machine_is_marked() -> None:
    assert "Others were at work" not in " ".join(remarks(SECTION, 2))
    SECTION.load_average = (1.6, 1.0)
    assert "Others were at work" in " ".join(remarks(SECTION, 2))
    SECTION.load_average = (0.5, 1.0)


def test_a_benchmark_that_could_not_run_says_so() -> None:
    empty = Section("junk", "This benchmark could not run.", remarks=["It ended with: no compiler"])
    text = render([empty], [], "2026-01-01", False, 2, "benchmarks")
    assert "Not measured." in text
    assert "no compiler" in text


def test_the_terminal_shows_the_same() -> None:
    console = Console(width=200, record=True, file=StringIO())
    console.print(table(SECTION))
    text = console.export_text()
    assert "1.2500 (1.2000 .. 1.3000, n = 2)" in text
    assert "not reached yet" in text


def test_what_is_plotted_is_on_the_page() -> None:
    section = Section("Node crash", "", [Figure("100 ms", "vipkeeper", "gap", "ms", (1.0,))], plotted="gap")
    text = render([section], [], "2026-01-01", False, 2, "benchmarks")
    assert "![Node crash: gap](benchmarks/node-crash.svg)" in text
    assert to_plot(section) == section.figures
    assert to_plot(Section("Nothing", "", [Figure("100 ms", "vipkeeper", "gap", "ms", ())], plotted="gap")) == []
