"""The one-to-one rule: each source file has its test file, or says in its story which test covers it; and each test file
its source file, or says in its story what of the repository it covers.

Sources are the package's, and the suites' own helpers (tests/bench, tests/cluster, tests/e2e). Covers operator/vipkeeper.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "vipkeeper"
SOURCES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py") and path.read_text().strip()
)

TESTS = sorted(path.relative_to(ROOT / "tests" / "unit") for path in (ROOT / "tests" / "unit").rglob("test_*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_each_source_file_has_its_test(source: Path) -> None:
    test = ROOT / "tests" / "unit" / source.parent / f"test_{source.name}"
    if test.is_file():
        return
    named = _paths_in((PACKAGE / source).read_text())
    assert any(name.startswith("tests/") and (ROOT / name).exists() for name in named), (
        f"no {test.relative_to(ROOT)}, and its story names no test under tests/"
    )


@pytest.mark.parametrize("test", TESTS, ids=str)
def test_each_test_file_has_its_source(test: Path) -> None:
    name = test.name.removeprefix("test_")
    helpers = (ROOT / "tests" / test.parent).rglob(name)
    if (PACKAGE / test.parent / name).is_file() or any(helpers):
        return
    story = ast.get_docstring(ast.parse((ROOT / "tests" / "unit" / test).read_text())) or ""
    assert any((ROOT / path).exists() for path in _paths_in(story)), (
        f"no {test.parent / name} in the package or under tests/, and its story names no file of the repository"
    )


def _paths_in(text: str) -> list[str]:
    words = (word.strip("`'\".,;:()") for word in text.split())
    return [word for word in words if "/" in word and not word.startswith("/")]


def test_the_operator_folder_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
