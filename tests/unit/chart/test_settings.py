"""settings.yaml, as charts/vipkeeper/templates/settings.yaml writes it, is read by the type of the controller."""

from __future__ import annotations

from typing import Any

import yaml

from tests.unit.chart.helm import CHART, Helm, one
from vipkeeper.spec.names import SETTINGS_CONFIGMAP
from vipkeeper.spec.settings import OperatorSettings, parse_settings


def _settings(objects: list[dict[str, Any]]) -> OperatorSettings:
    return parse_settings(one(objects, "ConfigMap", SETTINGS_CONFIGMAP)["data"]["settings.yaml"])


def test_default_values_become_the_default_settings(objects: list[dict[str, Any]]) -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert _settings(objects) == OperatorSettings(
        speaker_image=f"vipkeeper/vipkeeper:{chart['appVersion']}",
        nginx_image=f"nginx:{values['nginx']['image']['tag']}",
    )


def test_every_value_for_the_speakers_reaches_the_controller(helm: Helm) -> None:
    settings = _settings(
        helm.render(
            {
                "image": {"repository": "registry.example/v", "tag": "1.2.3", "pullPolicy": "Always"},
                "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
                "nginx": {
                    "enabled": False,
                    "image": {"repository": "registry.example/nginx", "tag": "1.2@sha256:" + "a" * 64},
                    "resources": {"limits": {"cpu": 1}},
                },
                "speaker": {
                    "resources": {"requests": {"cpu": 0.5, "memory": "1Gi"}},
                    "nodeSelector": {"role": "edge"},
                    "tolerations": [{"key": "edge", "operator": "Exists", "effect": "NoSchedule"}],
                    "priorityClassName": "",
                },
                "agent": {"resources": {"limits": {"memory": 268435456}}},
                "ports": {"first": 20000, "last": 20007},
                "logLevel": "Debug",
            }
        )
    )
    assert settings.speaker_image == "registry.example/v:1.2.3"
    assert settings.image_pull_policy == "Always"
    assert settings.image_pull_secrets == ("one", "two")
    assert not settings.nginx.enabled
    assert settings.nginx_image == "registry.example/nginx:1.2@sha256:" + "a" * 64
    assert settings.nginx.resources.limits["cpu"] == "1"
    assert settings.speaker.resources.requests == {"cpu": "0.5", "memory": "1Gi"}
    assert settings.node_selector == {"role": "edge"}
    assert [item.to_json() for item in settings.tolerations] == [
        {"key": "edge", "operator": "Exists", "effect": "NoSchedule"}
    ]
    assert settings.priority_class_name == ""
    assert float(settings.agent.resources.limits["memory"]) == 268435456
    assert (settings.ports.first, settings.ports.last) == (20000, 20007)
    assert settings.log_level == "Debug"


def test_changed_settings_are_a_new_controller_pod_and_unchanged_ones_are_not(
    helm: Helm, objects: list[dict[str, Any]]
) -> None:
    def checksum(rendered: list[dict[str, Any]]) -> str:
        template = one(rendered, "Deployment", "vipkeeper-controller")["spec"]["template"]
        return str(template["metadata"]["annotations"]["vipkeeper.dev/settings-checksum"])

    assert checksum(helm.render({"ports": {"last": 17493}})) != checksum(objects)
    assert checksum(helm.render({"networkPolicy": {"enabled": False}})) == checksum(objects)
