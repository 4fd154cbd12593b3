"""Fixtures of the chart's unit tests. The programs may have to be built first, which takes minutes: hence the limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.chart.helm import Helm, find_helm


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.timeout(2400))


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(find_helm(), tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def objects(helm: Helm) -> list[dict[str, Any]]:
    """The chart with its default values."""
    return helm.render()
