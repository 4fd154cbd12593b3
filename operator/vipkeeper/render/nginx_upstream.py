"""`upstream` blocks of nginx, for http and stream: servers that the user wrote, or the ready endpoints of a Service.

Tests: tests/unit/render/test_nginx.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered_nginx import ServiceUpstream, Upstream, UpstreamServer
from vipkeeper.render.nginx_directives import Directive, block, directive, host_port, mark


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ready endpoint of a Service."""

    address: IPAddress
    port: int


ZONE_KB = 64
"""Memory that the workers share, and 1 KiB for each server: who is next, who is busy, who has failed. Without it every
worker would learn by itself, and a dead server cost as many requests as there are workers."""

Endpoints = Mapping[ServiceUpstream, tuple[Endpoint, ...]]


@dataclass(frozen=True, slots=True)
class Backends:
    """The upstream of one server or location of a VirtualIP."""

    name: str
    virtualip: str
    field: str
    upstream: Upstream
    servers: tuple[str, ...]
    """Arguments of `server`; () where a Service has no ready endpoint."""

    @property
    def missing(self) -> str:
        """Why there is nobody to ask."""
        service = self.upstream.service
        return f"vipkeeper: no ready endpoint of {service.namespace}/{service.name}\n" if service else ""


def backends(name: str, virtualip: str, field: str, upstream: Upstream, endpoints: Endpoints) -> Backends:
    if upstream.service is None:
        servers = tuple(_server(item) for item in upstream.servers)
    else:
        found = {host_port(item.address, item.port) for item in endpoints.get(upstream.service, ())}
        servers = tuple(sorted(found))
    return Backends(name, virtualip, field, upstream, servers)


def upstream_block(of: Backends, in_stream: bool = False) -> Iterator[Directive]:
    if not of.servers:
        return
    yield mark(of.virtualip, of.field)
    zone = directive("zone", of.name, f"{ZONE_KB + len(of.servers)}k")
    servers = [directive("server", *line.split()) for line in of.servers]
    yield block("upstream", [zone, *_balance(of.upstream, in_stream), *servers], of.name)


def _balance(upstream: Upstream, in_stream: bool) -> Iterator[Directive]:
    match upstream.balance:
        case "LeastConnections":
            yield directive("least_conn")
        case "IPHash" if in_stream:  # stream has no ip_hash
            yield directive("hash", "$remote_addr", "consistent")
        case "IPHash":
            yield directive("ip_hash")
        case "Hash":
            yield directive("hash", upstream.hash_key, "consistent")


def _server(server: UpstreamServer) -> str:
    usual = UpstreamServer(server.address, server.port)
    words = [host_port(server.address, server.port)]
    words += [f"weight={server.weight}"] if server.weight != usual.weight else []
    words += [f"max_fails={server.max_fails}"] if server.max_fails != usual.max_fails else []
    if server.fail_timeout_ms != usual.fail_timeout_ms:
        words.append(f"fail_timeout={-(-server.fail_timeout_ms // 1000)}s")  # nginx takes whole seconds only
    words += ["backup"] if server.backup else []
    return " ".join(words)
