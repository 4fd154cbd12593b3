"""The pins of the build backend come from the requirements, the Python from the base."""

import pytest

from tests.cluster.errors import ClusterError
from tests.cluster.paths import ROOT
from tests.cluster.project_images import python_version_in, requirement_of
from tests.cluster.provider import dockerfile_base

REQUIREMENTS = (
    "ruff==1 \\\n    --hash=sha256:aa\nsetuptools==80.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\ntyper==2\n"
)


def test_one_requirement_comes_with_all_its_hashes() -> None:
    expected = "setuptools==80.0 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    assert requirement_of("setuptools", REQUIREMENTS) == expected
    with pytest.raises(ClusterError, match="does not pin hatchling"):
        requirement_of("hatchling", REQUIREMENTS)


def test_the_backend_is_pinned_in_the_projects_requirements() -> None:
    assert "--hash=sha256:" in requirement_of("setuptools", (ROOT / "requirements/dev.txt").read_text())


def test_the_python_of_a_base_is_found_in_its_listing() -> None:
    assert python_version_in("./usr/bin/python3\n./usr/bin/python3.11\n") == "3.11"


def test_the_base_of_the_dockerfile_can_be_replaced() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert dockerfile_base({}, dockerfile).startswith("python:3")
    assert dockerfile_base({"BASE_IMAGE": "mine"}, dockerfile) == "mine"
