"""nginx.conf of one node and placement, for all VirtualIPs with an nginx section. Built with crossplane.

nginx listens on the virtual addresses themselves, on every node (ip_nonlocal_bind), so that a takeover needs no
reload. Nothing is listened to on a wildcard address, so placements on one node do not meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedVirtualIP, ServiceUpstream


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ready endpoint of a Service."""

    address: IPAddress
    port: int


@dataclass(frozen=True, slots=True)
class NginxPaths:
    """Where nginx keeps its things (ARCHITECTURE.md)."""

    run: str = "/run/vipkeeper/nginx"
    """Holds nginx.pid and status.sock."""
    cache: str = "/var/cache/nginx"
    """Holds the folders for bodies and answers that do not fit into memory."""


@dataclass(frozen=True, slots=True)
class NginxConfiguration:
    generation: str
    """16 hex digits, a hash of the content: equal inputs have an equal generation, and need no reload."""
    text: str


def render_nginx(
    documents: Iterable[RenderedVirtualIP],
    endpoints: Mapping[ServiceUpstream, tuple[Endpoint, ...]],
    readiness_port: int,
    paths: NginxPaths = NginxPaths(),
) -> NginxConfiguration:
    """A Service that `endpoints` does not know, or without endpoints, answers 503."""
    raise NotImplementedError


def services_of(documents: Iterable[RenderedVirtualIP]) -> tuple[ServiceUpstream, ...]:
    """Every Service that the documents name, once."""
    raise NotImplementedError
