"""operator/vipkeeper/spec/settings.py"""

from __future__ import annotations

import pytest

from vipkeeper.spec.settings import BadSettings, parse_settings, settings_problems

FULL = """
speakerImage: vipkeeper/vipkeeper:0.1.0
nginxImage: nginx:1.28.0
imagePullPolicy: Never
imagePullSecrets: [registry]
priorityClassName: ""
logLevel: Debug
nodeSelector: {edge: "yes"}
tolerations:
- {key: edge, operator: Exists}
ports: {first: 20000, last: 20007}
nginx: {enabled: false, resources: {limits: {memory: 1Gi}}}
speaker: {resources: {requests: {cpu: 100m}}}
agent: {resources: {}}
"""


def test_an_image_is_enough() -> None:
    settings = parse_settings("speakerImage: vipkeeper:0.1.0")
    assert settings.nginx.enabled
    assert settings.priority_class_name == "system-node-critical"
    assert settings.speaker.resources.limits == {"memory": "256Mi"}
    assert settings.ports.last - settings.ports.first + 1 == 80


def test_everything_can_be_set() -> None:
    settings = parse_settings(FULL)
    assert settings.image_pull_secrets == ("registry",)
    assert settings.speaker.resources.to_json() == {"requests": {"cpu": "100m"}, "limits": {}}
    required = settings.requirements()
    assert required.node_selector == {"edge": "yes"}
    assert [item.key for item in required.tolerations] == ["edge"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "document: None is not an object"),
        ("{", "settings: is not YAML"),
        ("nginxImage: nginx", "speakerImage: is missing"),
        ("speakerImage: ''", "speakerImage: '' is shorter than 1 characters"),
        ("speakerImage: a\nlogLevel: loud", "logLevel: 'loud' is not one of"),
        ("speakerImage: a\nport: 3", "port: is not known"),
        ("speakerImage: a\nports: {first: 80}", "ports.first: 80 is below 1024"),
        ("speakerImage: a\nports: {first: 20000, last: 20002}", "ports: 20000..20002 has no room for one block of 4"),
        ("speakerImage: a\nnginx: {enabled: maybe}", "nginx.enabled: 'maybe' is not true or false"),
        ("speakerImage: a\nspeaker: {resources: {limits: {cpu: 1}}}", "speaker.resources.limits.cpu: 1 is not a text"),
        ("speakerImage: a\nspeaker: {resources: {limits: {cpu: '1'}}}", "speaker.resources.limits.cpu: must be absent"),
        ("speakerImage: a\ntolerations: [{operator: Sometimes}]", "tolerations[0].operator: 'Sometimes' is not one of"),
    ],
)
def test_what_does_not_fit_is_refused_with_path_and_reason(text: str, problem: str) -> None:
    with pytest.raises(BadSettings) as caught:
        parse_settings(text)
    assert any(told.startswith(problem) for told in caught.value.problems), caught.value.problems


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(BadSettings, match=r"imagePullPolicy: .*; logLevel: .*") as caught:
        parse_settings("speakerImage: a\nlogLevel: loud\nimagePullPolicy: Sometimes\nfoo: 1")
    assert len(caught.value.problems) == 3


def test_an_installation_without_nginx_refuses_objects_that_want_it() -> None:
    settings = parse_settings(FULL)
    assert settings_problems(False, settings) == ()
    (problem,) = settings_problems(True, settings)
    assert problem.startswith("spec.nginx: ")
    assert settings_problems(True, parse_settings("speakerImage: a")) == ()
