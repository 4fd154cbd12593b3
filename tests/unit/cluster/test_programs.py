"""Versions are written once, in go.mod; names of images are asked, never written."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster import programs
from tests.cluster.control_plane_images import RECIPES, parse_image_names
from tests.cluster.paths import Paths
from tests.cluster.programs import Programs, kubernetes_version, module_version, parse_go_version
from tests.cluster.progress import Progress

LISTED = """\
registry.test/kube-apiserver:v1.34.4
registry.test/kube-proxy:v1.34.4
registry.test:5000/coredns/coredns:v1.12.1
registry.test/pause:3.10.1
"""


def test_the_versions_come_from_go_mod() -> None:
    assert kubernetes_version().startswith("v1.")
    assert module_version("sigs.k8s.io/kind").startswith("v0.")


def test_a_go_version_is_read() -> None:
    assert parse_go_version("go1.24.6") == (1, 24)
    assert parse_go_version("devel") is None


def test_images_are_known_by_the_last_part_of_their_names() -> None:
    names = parse_image_names(LISTED)
    assert set(names) == {"kube-apiserver", "kube-proxy", "coredns", "pause"}
    assert names["coredns"] == "registry.test:5000/coredns/coredns:v1.12.1"
    assert set(names) - {"kube-proxy"} <= set(RECIPES)


def test_two_that_ask_at_once_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Path] = []

    def build(wanted: Programs, _paths: Paths, _progress: Progress) -> None:
        built.append(wanted.folder)
        time.sleep(0.2)
        wanted.folder.mkdir(parents=True)
        for name in programs.BUILT:
            wanted.path(name).touch()

    monkeypatch.setattr(programs, "_build", build)
    monkeypatch.setattr(programs, "_go", lambda *_: Path("go"))
    paths = Paths.from_environment({"VIPKEEPER_CACHE": str(tmp_path)}, tmp_path)
    with ThreadPoolExecutor() as two:
        asked = [two.submit(programs.ensure, paths, Progress(paths.logs)) for _ in range(2)]
    assert {item.result().folder for item in asked} == set(built)
    assert len(built) == 1
