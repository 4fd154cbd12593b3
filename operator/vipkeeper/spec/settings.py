"""The operator's settings: what the chart's values become, in one file (`/etc/vipkeeper/settings.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from vipkeeper.spec.model import Written
from vipkeeper.spec.placement import Requirements
from vipkeeper.spec.ports import BLOCK_SIZE
from vipkeeper.spec.problems import problems_of
from vipkeeper.spec.virtualip import LabelKey, LabelValue, Toleration


class Resources(Written):
    """As a container's `resources`."""

    requests: dict[str, str] = Field(default_factory=dict)
    """Quantities by resource name, as texts, e.g. cpu: 20m."""
    limits: dict[str, str] = Field(default_factory=dict)
    """Quantities by resource name."""


def _resources(cpu: str, memory: str, memory_limit: str) -> Resources:
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": memory_limit})


class Ports(Written):
    """Ports on the hosts, for all placements."""

    first: Annotated[int, Field(ge=1024, le=65535)] = 17410
    """First port of the range. The default lies below NodePorts (30000) and ephemeral ports (32768)."""
    last: Annotated[int, Field(ge=1024, le=65535)] = 17489
    """Last port of the range. Each placement takes four: the default is enough for 20 placements."""


class PeersSettings(Written):
    """What engines say to each other beside VRRP."""

    enabled: bool = True
    """false: plain VRRP alone. Planned moves then cost clients a part of the advertisement interval."""


class NginxSettings(Written):
    """The nginx sidecar."""

    enabled: bool = True
    """false: no pod carries nginx; a VirtualIP with an nginx section is refused."""
    resources: Resources = Field(default_factory=lambda: _resources("20m", "32Mi", "512Mi"))


class SpeakerSettings(Written):
    """The speaker container: guard and engine."""

    resources: Resources = Field(default_factory=lambda: _resources("50m", "32Mi", "256Mi"))
    """A CPU limit is refused: throttled adverts are late adverts, and late adverts are failovers."""


class AgentSettings(Written):
    """The agent container."""

    resources: Resources = Field(default_factory=lambda: _resources("20m", "64Mi", "256Mi"))


class OperatorSettings(Written):
    """Everything that an installation decides once."""

    speaker_image: Annotated[str, Field(min_length=1)]
    """Image of the speaker and agent containers (and of the controller)."""
    nginx_image: Annotated[str, Field(min_length=1)] = "nginx:stable"
    """Image of the sidecar: a stock nginx."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Names of Secrets in the operator's namespace."""
    priority_class_name: str = "system-node-critical"
    """Speakers are the last to be evicted. Empty: the cluster's default."""
    log_level: Literal["Debug", "Info", "Warning"] = "Info"
    """Given to every container of ours as VIPKEEPER_LOG_LEVEL."""
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels that a node must have besides those that a VirtualIP asks for."""
    tolerations: Annotated[tuple[Toleration, ...], Field(strict=False)] = ()
    """Tolerations of every placement, besides those of its VirtualIPs."""
    ports: Ports = Field(default_factory=Ports)
    peers: PeersSettings = Field(default_factory=PeersSettings)
    nginx: NginxSettings = Field(default_factory=NginxSettings)
    speaker: SpeakerSettings = Field(default_factory=SpeakerSettings)
    agent: AgentSettings = Field(default_factory=AgentSettings)

    def requirements(self) -> Requirements:
        """For `placement.nodes_of`."""
        return Requirements(self.node_selector, self.tolerations)


class BadSettings(ValueError):
    """The file can't be used. `problems` has every fault, each as `path: reason`."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def parse_settings(text: str) -> OperatorSettings:
    """From the text of settings.yaml. Raises BadSettings."""
    try:
        settings = OperatorSettings.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise BadSettings((f"settings: is not YAML ({error})",)) from error
    except ValidationError as error:
        raise BadSettings(tuple(problems_of(error))) from error
    if problems := tuple(_problems(settings)):
        raise BadSettings(problems)
    return settings


def _problems(settings: OperatorSettings) -> Iterator[str]:
    if settings.ports.last - settings.ports.first + 1 < BLOCK_SIZE:
        yield f"ports: {settings.ports.first}..{settings.ports.last} has no room for one block of {BLOCK_SIZE} ports"
    if "cpu" in settings.speaker.resources.limits:
        yield "speaker.resources.limits.cpu: must be absent: throttled advertisements are late, and late ones are failovers"


def settings_problems(nginx_wanted: bool, settings: OperatorSettings) -> tuple[str, ...]:
    """Why a VirtualIP that parsed well can't be served by this installation; empty: it can."""
    if nginx_wanted and not settings.nginx.enabled:
        return ("spec.nginx: this installation runs without nginx (nginx.enabled is false in the chart's values)",)
    return ()
