"""From an API object to a trusted value, or to a refusal with every problem and its path.

The API server has applied the CRD's schema and CEL rules before; we apply all of them again, because the object may
be older than the CRD, and a few more that CEL can't say (marked in `rules.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from vipkeeper.ipc.authentication import Authentication
from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import HealthSection, HTTPCheck, PodSelection, RenderedAddress, TCPCheck, elections_of
from vipkeeper.ipc.rendered_nginx import NginxSection
from vipkeeper.spec import rules, virtualip
from vipkeeper.spec.label_selector import selector_text
from vipkeeper.spec.nginx_rules import check_nginx
from vipkeeper.spec.parse_authentication import parse_authentication
from vipkeeper.spec.parse_nginx import nginx_section
from vipkeeper.spec.parse_nginx import secret_uses as nginx_secret_uses
from vipkeeper.spec.placement import Placement, placement_of
from vipkeeper.spec.problems import problems_of
from vipkeeper.spec.secrets import SecretUse
from vipkeeper.spec.virtualip import NodePriority, VirtualIPSpec, parse_status

DEFAULT_ADVERTISEMENT_INTERVALS = {3: "250ms", 2: "1s"}
"""By version. 250ms: below one second to a takeover for every priority; 1s: version 2 has nothing shorter.
Resolved here and not in the CRD, where a default can't depend on the version."""


@dataclass(frozen=True, slots=True)
class ParsedVirtualIP:
    """A VirtualIP that can be trusted: nothing optional that is not truly optional."""

    name: str
    uid: str
    generation: int
    created_at: datetime
    vrid: int | None
    """As the user wrote it."""
    pinned_vrid: int | None
    """As status has it."""
    priority: int
    addresses: tuple[RenderedAddress, ...]
    install_prefix: bool
    interface: str | None
    placement: Placement
    priorities: tuple[NodePriority, ...]
    advertisement_interval_cs: int
    preempt: bool
    preempt_delay_ms: int
    vrrp_version: int
    checksum: str
    transport: str
    min_ttl: int
    authentication: Authentication | None
    secret_uses: tuple[SecretUse, ...]
    """Where the spec refers to secrets."""
    families: str
    accept_mode: bool
    virtual_mac: bool
    witness: bool
    drain_policy: str
    """One of `drain.DrainPolicy`."""
    nginx: NginxSection | None
    health: HealthSection | None

    @property
    def elections(self) -> tuple[int, ...]:
        """IP versions that hold an election, that of the first address first."""
        return elections_of(self.addresses, self.families)


class RefusalReason(StrEnum):
    """Reason of the condition Accepted when it is False."""

    INVALID = "Invalid"
    """The spec breaks a rule."""
    CONFLICT = "Conflict"
    """An older object has the address or the VRID (`conflicts.judge`)."""
    NO_FREE_VRID = "NoFreeVRID"
    """All 255 are taken on its segment (`vrids.allocate_vrid`)."""
    SECRET_MISSING = "SecretMissing"
    """A Secret that it refers to is not there, or can't be used (`secrets.secret_problems`)."""
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    """The ConfigMap with its nginx.conf is not there (`nginx_own`)."""
    NOT_SERVED = "NotServed"
    """This installation can't serve it (`settings.settings_problems`)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an object can't be taken: every problem, as `path: reason`."""

    problems: tuple[str, ...]
    reason: RefusalReason = RefusalReason.INVALID

    @property
    def message(self) -> str:
        return "; ".join(self.problems)


def parse_virtualip(value: Mapping[str, Any], folder: str = "") -> ParsedVirtualIP | Refusal:
    """Parse the API object `value` of a VirtualIP. `folder`: where it lies, on a host without Kubernetes."""
    metadata = value.get("metadata") or {}
    spec, problems = _read_spec(value.get("spec"))
    problems = [
        *rules.check_name(metadata.get("name")),
        *problems,
        *rules.check_spec(value.get("spec")),
        *check_nginx(value.get("spec")),
    ]
    if spec is None or problems:
        return Refusal(tuple(problems))
    vrrp = spec.vrrp or virtualip.VRRP()
    interval_cs = _interval_cs(vrrp.advertisement_interval or DEFAULT_ADVERTISEMENT_INTERVALS[vrrp.version])
    authentication, uses = parse_authentication(vrrp.authentication, interval_cs, folder)
    nginx = nginx_section(spec.nginx, folder) if spec.nginx else None
    return ParsedVirtualIP(
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        created_at=datetime.fromisoformat(metadata["creationTimestamp"]),
        vrid=spec.vrid,
        pinned_vrid=parse_status(value.get("status")).vrid,
        priority=spec.priority,
        addresses=tuple(_address(text) for text in spec.addresses),
        install_prefix=spec.install_prefix,
        interface=spec.interface,
        placement=placement_of(spec.nodes),
        priorities=spec.nodes.priorities if spec.nodes else (),
        advertisement_interval_cs=interval_cs,
        preempt=vrrp.preempt,
        preempt_delay_ms=_duration_ms(vrrp.preempt_delay),
        vrrp_version=vrrp.version,
        checksum=vrrp.checksum,
        transport=vrrp.transport,
        min_ttl=vrrp.min_ttl,
        authentication=authentication,
        secret_uses=(*uses, *(nginx_secret_uses(nginx) if nginx else ())),
        families=vrrp.families,
        accept_mode=vrrp.accept_mode,
        virtual_mac=vrrp.virtual_mac,
        witness=(spec.split_brain or virtualip.SplitBrain()).witness,
        drain_policy=spec.drain_policy,
        nginx=nginx,
        health=_health(spec.health) if spec.health else None,
    )


def _read_spec(value: object) -> tuple[VirtualIPSpec | None, list[str]]:
    if value is None:
        return None, ["spec: is missing"]
    try:
        return VirtualIPSpec.model_validate(value), []
    except ValidationError as error:
        return None, list(problems_of(error, "spec"))


def _address(text: str) -> RenderedAddress:
    parsed = rules.parse_address(text)
    assert parsed is not None, text  # check_spec has refused it
    return RenderedAddress(*parsed)


def _interval_cs(text: str) -> int:
    interval_us = rules.parse_interval_us(text)
    assert interval_us is not None, text  # check_spec has refused it
    return interval_us // 10_000


def _health(health: virtualip.Health) -> HealthSection:
    return HealthSection(
        http=tuple(HTTPCheck(*_check(item), path=item.path) for item in health.http),
        tcp=tuple(TCPCheck(*_check(item)) for item in health.tcp),
        on_failure=health.on_failure,
        pods=_pods(health.pod_selector) if health.pod_selector else None,
    )


def _pods(selector: virtualip.PodSelector) -> PodSelection:
    return PodSelection(selector.namespace, selector_text(selector.match_labels, selector.match_expressions))


def _check(check: virtualip.HealthCheck) -> tuple[IPAddress, int, int, int, int, int]:
    """The members of a rendered Check, in their order."""
    host = rules.parse_ip(check.host)
    assert host is not None, check.host  # check_spec has refused it
    return host, check.port, _duration_ms(check.interval), _duration_ms(check.timeout), check.rise, check.fall


def _duration_ms(text: str) -> int:
    duration_us = rules.parse_duration_us(text)
    assert duration_us is not None, text  # check_spec has refused it
    return duration_us // 1000
