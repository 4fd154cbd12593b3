"""Values (charts/vipkeeper/values.schema.json): what is wrong is refused before anything is rendered, with the path and
the reason."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.chart.helm import CHART, Helm, one

LIMITS = {"speaker": {"resources": {"limits": {"cpu": "1"}}}}


def test_lint_has_nothing_to_say(helm: Helm) -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in helm.lint()


@pytest.mark.parametrize(
    ("values", "where", "why"),
    [
        ({"logLevel": "info"}, "/logLevel", "'Debug', 'Info', 'Warning'"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy", "'Always', 'IfNotPresent', 'Never'"),
        ({"image": {"repository": ""}}, "/image/repository", "does not match pattern"),
        ({"nginx": {"image": {"tag": ""}}}, "/nginx/image/tag", "does not match pattern"),
        ({"nginx": {"enabled": "no"}}, "/nginx/enabled", "got string, want boolean"),
        ({"nginX": {}}, "'nginX' not allowed", "additional properties"),
        ({"speaker": {"cpu": 1}}, "/speaker", "'cpu' not allowed"),
        ({"agent": {"resources": {"request": {}}}}, "/agent/resources", "'request' not allowed"),
        ({"agent": {"resources": {"requests": {"memory": "64 MB"}}}}, "/requests/memory", "does not match pattern"),
        ({"ports": {"first": 80}}, "/ports/first", "minimum: got 80, want 1,024"),
        ({"ports": {"last": 70000}}, "/ports/last", "maximum: got 70,000, want 65,535"),
        ({"ports": {"first": "17410"}}, "/ports/first", "got string, want integer"),
        (
            {"ports": {"first": 17410, "last": 17412}},
            "ports.first (17410) to ports.last (17412)",
            "block of four ports",
        ),
        (LIMITS, "speaker.resources.limits.cpu", "late adverts are failovers"),
        ({"imagePullSecrets": ["registry"]}, "/imagePullSecrets/0", "got string, want object"),
        ({"speaker": {"tolerations": [{"key": "a", "effect": "No"}]}}, "/speaker/tolerations/0/effect", "'NoSchedule'"),
        ({"speaker": {"tolerations": [{"kee": "a"}]}}, "/speaker/tolerations/0", "kee"),
        ({"speaker": {"nodeSelector": {"a b": "c"}}}, "/speaker/nodeSelector", "'a b' not allowed"),
        ({"commonLabels": {"app.kubernetes.io/name": "x"}}, "commonLabels: app.kubernetes.io/name", "own labels"),
        ({"commonLabels": {"team": 7}}, "/commonLabels/team", "got number, want string"),
        ({"networkPolicy": {"apiServerPorts": []}}, "/networkPolicy/apiServerPorts", "minItems: got 0, want 1"),
        ({"nameOverride": "other"}, "'nameOverride' not allowed", "additional properties"),
        ({"crds": {"instal": True}}, "/crds", "'instal' not allowed"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path_and_the_reason(
    values: dict[str, Any], where: str, why: str, helm: Helm
) -> None:
    said = helm.refusal(values)
    assert where in said
    assert why in said


def test_an_older_kubernetes_is_refused_by_its_number(helm: Helm) -> None:
    said = helm.refusal(kubernetes="1.30.9")
    assert ">=1.31.0-0" in said
    assert "v1.30.9" in said


@pytest.mark.parametrize("kubernetes", ["1.31.0", "1.31.4-gke.1256000", "1.34.4+k3s1"])
def test_vendors_version_numbers_are_taken(kubernetes: str, helm: Helm) -> None:
    assert helm.render(kubernetes=kubernetes)


def test_every_value_is_explained_by_a_comment() -> None:
    """Each top-level key has a comment above itself or above every key below it."""
    lines = (CHART / "values.yaml").read_text().splitlines()
    unexplained = []
    for number, line in enumerate(lines):
        if line[:1].isalpha():
            below = _block(lines, number)
            inner = [i for i, text in enumerate(below) if text.startswith("  ") and text[2:3].isalpha()]
            explained = [i for i in inner if below[i - 1].lstrip().startswith("#")]
            if not lines[number - 1].startswith("#") and not (inner and explained):
                unexplained.append(line)
    assert unexplained == []


def test_the_schema_knows_every_value_and_the_values_every_property() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    for key, part in schema["properties"].items():
        if part.get("additionalProperties") is False:
            assert set(part["properties"]) == set(values[key]), key


def test_common_labels_are_on_every_object_and_its_pods(helm: Helm) -> None:
    objects = helm.render({"commonLabels": {"team": "network", "example.com/cost": "7"}})
    for item in objects:
        assert item["metadata"]["labels"]["team"] == "network", item["kind"]
        assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm", item["kind"]
    pod = one(objects, "Deployment", "vipkeeper-controller")["spec"]["template"]
    assert pod["metadata"]["labels"]["example.com/cost"] == "7"


def test_the_chart_may_be_a_subchart(helm: Helm) -> None:
    assert helm.render({"global": {"anything": 1}})


def _block(lines: list[str], start: int) -> list[str]:
    block = [lines[start]]
    for line in lines[start + 1 :]:
        if line[:1].isalpha():
            break
        block.append(line)
    return block
