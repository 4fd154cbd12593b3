"""What all suites share: their order, fast ones first, and an honest list of what did not run.

A test that needs something of the machine (root, a program, the test cluster) says so with `requires("keepalived")`.
Where the thing is missing the test is skipped, and the summary names the need and how many tests it cost. With CI
set, a skip that tests/absent.toml does not accept with a reason fails the session: a green run means that it ran.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

SUITES = ("unit", "scenarios", "property", "golden", "netns", "e2e")
"""Folders of tests/, in the order in which they run."""

_ABSENT = Path(__file__).with_name("absent.toml")
_missing: Counter[str] = Counter()
"""Tests skipped, by what they lacked: a need, or the reason that the test itself gave."""


settings.register_profile("behaviour", deadline=None)
settings.load_profile("behaviour")  # a busy machine that takes its time over an example is no failure


def _has(need: str) -> bool:
    if need == "root":
        return os.geteuid() == 0
    return shutil.which(need, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/lib/frr") is not None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "requires(*needs): programs on the PATH, or root, without which the test can't run"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: next(
            (n for n, suite in enumerate(SUITES) if f"tests/{suite}/" in item.path.as_posix()), len(SUITES)
        )
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    needs = [need for marker in item.iter_markers("requires") for need in marker.args]
    if item.get_closest_marker("root") is not None:
        needs.append("root")
    for need in needs:
        if not _has(need):
            pytest.skip(need)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple) and not hasattr(report, "wasxfail"):
        _missing[report.longrepr[2].removeprefix("Skipped: ")] += 1


def _accepted() -> tuple[dict[str, str], dict[str, str]]:
    table = tomllib.loads(_ABSENT.read_text())
    return table.get("never", {}), table.get("accepted", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    never, accepted = _accepted()
    terminalreporter.section("not run on this machine")
    for what, why in never.items():
        terminalreporter.write_line(f"  {what}: {why}")
    for need, count in _missing.items():
        terminalreporter.write_line(
            f"  {count} tests, for want of {need}: {accepted.get(need, 'NOT ACCEPTED in tests/absent.toml')}"
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    _never, accepted = _accepted()
    if (
        os.environ.get("CI")
        and any(need not in accepted for need in _missing)
        and session.exitstatus == pytest.ExitCode.OK
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
