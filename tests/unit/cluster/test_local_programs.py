"""tests/cluster/local_programs.py"""

from pathlib import Path

import pytest

from tests.cluster import local_programs, programs, provider
from tests.cluster.programs import Programs


def test_they_are_built_where_the_cluster_is_local_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    built = Programs(Path("programs"), Path("go"))
    monkeypatch.setattr(programs, "ensure", lambda *_: built)
    for name, expected in (("local", built), ("docker", None)):
        monkeypatch.setattr(provider, "detect", lambda *_, name=name: name)
        assert local_programs.local_programs() is expected
