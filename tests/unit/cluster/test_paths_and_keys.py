"""Caches lie outside the checkout (tests/cluster/paths.py); their keys follow the content (tests/cluster/content_key.py)."""

from pathlib import Path

from tests.cluster.content_key import content_key
from tests.cluster.paths import Paths


def test_the_cache_is_chosen_by_variable_then_xdg_then_home() -> None:
    home = Path("/home/x")
    assert Paths.from_environment({}, home).cache == Path("/home/x/.cache/vipkeeper")
    assert Paths.from_environment({"XDG_CACHE_HOME": "/c"}, home).cache == Path("/c/vipkeeper")
    assert Paths.from_environment({"XDG_CACHE_HOME": "/c", "VIPKEEPER_CACHE": "/v"}, home).cache == Path("/v")


def test_a_key_follows_names_and_contents_but_not_compiled_python(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = content_key(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/a.pyc").write_text("x")
    assert content_key(tmp_path) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert content_key(tmp_path) != first


def test_parts_do_not_run_together() -> None:
    assert content_key("ab", "c") != content_key("a", "bc")
