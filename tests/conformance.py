"""docs/conformance.md: every rule and hostile packet of the checklist, with the tests that hold it, or why there is none.

The checklist itself, in our words, is tests/conformance.toml. A test carries a number in its name (`rule_52`,
`hostile_14`; so do playbooks and the ids of parameters) or in a mark (`@pytest.mark.rule(52)`). Tests that can't carry
it are named in the table. `make conformance` writes the page; a unit test fails when it is stale, or when something has
neither a test nor a reason.

The sources are parsed, not imported: this needs neither root nor a cluster.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "conformance.md"
TABLE = Path(__file__).with_suffix(".toml")
RULES, HOSTILE = 101, 36
"""How many there are."""

_NUMBER = re.compile(r"(rule|hostile)_(\d+)")

Tag = tuple[str, int]
"""("rule", 52)"""


@dataclass(frozen=True)
class Entry:
    """One line of the checklist."""

    says: str
    tests: tuple[str, ...] = ()
    """Those that do not carry the number, as path::name."""
    why: str = ""
    """What is missing, or done otherwise, and why."""


def read_table() -> dict[Tag, Entry]:
    raw = tomllib.loads(TABLE.read_text())
    return {
        (kind, int(number)): Entry(item["says"], tuple(item.get("tests", ())), item.get("why", ""))
        for kind in ("rule", "hostile")
        for number, item in raw[kind].items()
    }


def numbered_tests() -> dict[Tag, list[str]]:
    """Who carries which number."""
    found: dict[Tag, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for function in _test_functions(path):
            for tag in sorted(set(_tags(function))):
                found[tag].append(f"{path.relative_to(ROOT)}::{function.name}")
    for path in sorted((ROOT / "tests" / "scenarios").glob("*.playbook")):
        for name in re.findall(r"(?m)^== (\S+)$", path.read_text()):
            for tag in sorted(set(_in_name(name))):
                found[tag].append(f"{path.relative_to(ROOT)}::{name}")
    return dict(found)


def exists(test: str) -> bool:
    """Whether path::name is a test."""
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and any(function.name == name for function in _test_functions(ROOT / path))


def problems() -> list[str]:
    """Everything that keeps the page from being whole and true."""
    table, tests = read_table(), numbered_tests()
    wanted = {("rule", n + 1) for n in range(RULES)} | {("hostile", n + 1) for n in range(HOSTILE)}
    result = [f"{_title(tag)} is not in the table" for tag in sorted(wanted - table.keys())]
    result += [f"{_title(tag)} does not exist" for tag in sorted((table.keys() | tests.keys()) - wanted)]
    for tag, entry in table.items():
        if not entry.why and not entry.tests and tag not in tests:
            result.append(f"{_title(tag)} has neither a test nor a reason")
        result += [f"{_title(tag)}: there is no {test}" for test in entry.tests if not exists(test)]
    return result


def render() -> str:
    """The page."""
    table, tests = read_table(), numbered_tests()
    tested = {tag for tag, entry in table.items() if entry.tests or tag in tests}
    explained = {tag for tag, entry in table.items() if entry.why}
    lines = [
        "# Conformance",
        "",
        "What RFC 9568 (VRRP version 3) and RFC 3768 (version 2) ask of a router, rule by rule, in our own words, and",
        "the tests that fail when vipkeeper does otherwise. Behind them the packets that a receiver must survive. Made",
        "by `make conformance` from the tests and `tests/conformance.toml`; do not edit.",
        "",
        f"Of {len(table)}, {len(tested - explained)} are held by tests as they stand. {len(tested & explained)} have",
        f"tests and say what is otherwise or missing; {len(table.keys() - tested)} have none and say why.",
    ]
    lines += _section("Rules", "rule", table, tests)
    lines += _section("Hostile and malformed packets", "hostile", table, tests)
    return "\n".join([*lines, ""])


def _section(title: str, kind: str, table: dict[Tag, Entry], tests: dict[Tag, list[str]]) -> list[str]:
    lines = ["", f"## {title}", "", "| # | what is asked | tests, and what is otherwise |", "|---|---|---|"]
    for tag in sorted(tag for tag in table if tag[0] == kind):
        entry = table[tag]
        shown = [f"`{_short(test)}`" for test in (*tests.get(tag, ()), *entry.tests)]
        lines.append(f"| {tag[1]} | {entry.says} | {'<br>'.join([entry.why, *shown] if entry.why else shown)} |")
    return lines


def _short(test: str) -> str:
    """Without what is the same everywhere."""
    return test.removeprefix("tests/").replace("::", " ").replace(".py ", " ").replace(".playbook ", " ")


def _title(tag: Tag) -> str:
    return f"{tag[0]} {tag[1]}"


def _test_functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


def _tags(function: ast.FunctionDef) -> Iterator[Tag]:
    """In its name, its marks and the ids of its parameters."""
    yield from _in_name(function.name)
    for decorator in function.decorator_list:
        for node in ast.walk(decorator):
            if isinstance(node, ast.keyword) and node.arg == "id" and isinstance(node.value, ast.Constant):
                yield from _in_name(str(node.value.value))
            if isinstance(node, ast.Call) and isinstance(mark := node.func, ast.Attribute):
                kind = mark.attr if mark.attr in ("rule", "hostile") else ""
                yield from ((kind, ast.literal_eval(argument)) for argument in node.args if kind)


def _in_name(name: str) -> Iterator[Tag]:
    for kind, number in _NUMBER.findall(name):
        yield kind, int(number)


def main() -> None:
    found = problems()
    if found:
        raise SystemExit("\n".join(found))
    PAGE.write_text(render())
    print(f"{PAGE.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
