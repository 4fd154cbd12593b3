"""The chart carries the generated CRDs (charts/vipkeeper/templates/crds.yaml), and they outlive it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.cluster.paths import ROOT
from tests.unit.chart.helm import CHART, Helm, one

FILES = ("virtualips.yaml", "vrrpspeakers.yaml")


@pytest.mark.parametrize("name", FILES)
def test_the_copy_in_the_chart_equals_the_generated_crd(name: str) -> None:
    assert (CHART / "files/crds" / name).read_text() == (ROOT / "crds" / name).read_text(), "run `make crds`"


def test_the_chart_has_no_other_crd_than_the_repository() -> None:
    assert sorted(path.name for path in (CHART / "files/crds").iterdir()) == sorted(FILES)
    assert sorted(path.name for path in (ROOT / "crds").iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_rendering_changes_nothing_of_a_crd_but_labels_and_annotations(
    name: str, objects: list[dict[str, Any]]
) -> None:
    generated = yaml.safe_load((ROOT / "crds" / name).read_text())
    rendered = one(objects, "CustomResourceDefinition", generated["metadata"]["name"])
    assert rendered["spec"] == generated["spec"]
    assert rendered["metadata"].get("annotations", {}) == {
        **generated["metadata"].get("annotations", {}),
        "helm.sh/resource-policy": "keep",
    }


def test_crds_may_be_left_to_somebody_else(helm: Helm) -> None:
    kinds = {item["kind"] for item in helm.render({"crds": {"install": False}})}
    assert "CustomResourceDefinition" not in kinds
    assert "Deployment" in kinds
