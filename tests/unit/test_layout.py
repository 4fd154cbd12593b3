"""The one-to-one rule: each source file has its test file, or says in its story which test covers it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "vipkeeper"
SOURCES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py") and path.read_text().strip()
)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_each_source_file_has_its_test(source: Path) -> None:
    test = ROOT / "tests" / "unit" / source.parent / f"test_{source.name}"
    if test.is_file():
        return
    named = [word.strip("`.,;:()") for word in (PACKAGE / source).read_text().split() if "tests/" in word]
    assert any((ROOT / name).exists() for name in named), (
        f"no {test.relative_to(ROOT)}, and its story names no test under tests/"
    )


def test_the_operator_folder_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
