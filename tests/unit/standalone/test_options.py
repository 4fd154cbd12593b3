"""operator/vipkeeper/standalone/options.py"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vipkeeper.standalone.options import Options

ONE = Options(("vip.yaml",), "one", Path("/run/vipkeeper"))


def test_runs_with_other_state_folders_are_strangers_to_each_other() -> None:
    other = replace(ONE, state_dir=Path("/run/other"))
    assert ONE.placement != other.placement
    assert ONE.uid_of("web") != other.uid_of("web")


def test_a_restart_finds_the_same_names_and_they_fit_into_the_engines_memory() -> None:
    assert replace(ONE).uid_of("web") == ONE.uid_of("web") != ONE.uid_of("api")
    assert replace(ONE).placement == ONE.placement
    assert len(ONE.uid_of("web")) <= 40
