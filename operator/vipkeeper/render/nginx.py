"""nginx.conf of one node and placement, for all VirtualIPs with an nginx section. Built with crossplane.

nginx listens on the virtual addresses themselves, on every node (ip_nonlocal_bind), so that a takeover needs no
reload. Nothing is listened to on a wildcard address, so placements on one node do not meet. Link-local addresses are
left out: to bind one takes a zone, which a VirtualIP does not have.

`user`, `daemon` and `error_log` are the entry script's (it knows the image); here they would be given twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Any

import crossplane

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import HTTPServer, RenderedVirtualIP, ServiceUpstream

Directive = dict[str, Any]
"""As crossplane has it: directive, args, and a block where there is one."""

PROXY_HEADERS = {
    "Host": "$http_host",
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    "X-Forwarded-Proto": "$scheme",
    "Upgrade": "$http_upgrade",
    "Connection": "$connection_upgrade",
}
"""Host keeps the port that the client wrote; the last two let WebSockets through."""

IDLE_STATUS_CONNECTION = "1h"
"""The engine holds one silent connection to the status socket: only the end of nginx shall end it."""


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
    servers = [block for document in _serving(documents) for block in _virtualip_blocks(document, endpoints)]
    servers = list(_without_repeated_listens(servers))
    content = _build(_main(servers, "", readiness_port, paths))
    generation = hashlib.sha256(content.encode()).hexdigest()[:16]
    return NginxConfiguration(generation, _build(_main(servers, generation, readiness_port, paths)))


def services_of(documents: Iterable[RenderedVirtualIP]) -> tuple[ServiceUpstream, ...]:
    """Every Service that the documents name, once."""
    named = {server.service for document in _serving(documents) for server in _http(document) if server.service}
    return tuple(sorted(named, key=lambda service: (service.namespace, service.name, str(service.port))))


def _serving(documents: Iterable[RenderedVirtualIP]) -> list[RenderedVirtualIP]:
    return sorted((document for document in documents if document.nginx is not None), key=lambda item: item.name)


def _http(document: RenderedVirtualIP) -> tuple[HTTPServer, ...]:
    return document.nginx.http if document.nginx else ()


def _main(servers: list[Directive], generation: str, readiness_port: int, paths: NginxPaths) -> list[Directive]:
    return [
        _directive("worker_processes", "auto"),
        _directive("worker_shutdown_timeout", "10s"),
        _directive("pid", f"{paths.run}/nginx.pid"),
        _block("events", [_directive("worker_connections", "4096")]),
        _block("http", [*_http_settings(paths), _status_server(generation, readiness_port, paths), *servers]),
    ]


def _http_settings(paths: NginxPaths) -> Iterator[Directive]:
    yield _directive("access_log", "off")
    yield _directive("server_tokens", "off")
    yield _directive("client_max_body_size", "0")  # a limit is the web server's business
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        yield _directive(f"{kind}_temp_path", f"{paths.cache}/{kind.removesuffix('_body')}_temp")
    yield _directive("proxy_http_version", "1.1")
    yield _directive("proxy_connect_timeout", "2s")  # then the next server: a dead node does not answer at all
    for name, value in PROXY_HEADERS.items():
        yield _directive("proxy_set_header", name, value)
    yield _block("map", [_directive("default", "upgrade"), _directive("", "")], "$http_upgrade", "$connection_upgrade")


def _status_server(generation: str, readiness_port: int, paths: NginxPaths) -> Directive:
    return _block(
        "server",
        [
            _directive("listen", f"unix:{paths.run}/status.sock"),
            _directive("listen", f"127.0.0.1:{readiness_port}"),
            _directive("client_header_timeout", IDLE_STATUS_CONNECTION),
            _directive("keepalive_timeout", IDLE_STATUS_CONNECTION),
            _directive("keepalive_requests", "1000000"),
            _directive("default_type", "text/plain"),
            _block("location", [_directive("return", "200", "ok\n")], "=", "/healthz"),
            _block("location", [_directive("return", "200", f"{generation}\n")], "=", "/generation"),
            _block("location", [_directive("return", "404")], "/"),
        ],
    )


def _virtualip_blocks(
    document: RenderedVirtualIP, endpoints: Mapping[ServiceUpstream, tuple[Endpoint, ...]]
) -> Iterator[Directive]:
    for server in _http(document):
        name = f"{document.name}-{server.port}"
        backends = _backends(server, endpoints)
        if backends:
            yield _block("upstream", [_directive("server", backend) for backend in backends], name)
        location = _directive("proxy_pass", f"http://{name}") if backends else _no_backend(server)
        listens = [_listen(item.address, server.port) for item in document.addresses if not item.address.is_link_local]
        yield _block(
            "server", [*listens, _directive("default_type", "text/plain"), _block("location", [location], "/")]
        )


def _backends(server: HTTPServer, endpoints: Mapping[ServiceUpstream, tuple[Endpoint, ...]]) -> list[str]:
    if server.service is None:
        return [_host_port(item.address, item.port) for item in server.servers]
    return sorted({_host_port(str(item.address), item.port) for item in endpoints.get(server.service, ())})


def _no_backend(server: HTTPServer) -> Directive:
    service = server.service
    name = f"{service.namespace}/{service.name}" if service else "this address"
    return _directive("return", "503", f"vipkeeper: no ready endpoint of {name}\n")


def _listen(address: IPAddress, port: int) -> Directive:
    if isinstance(address, IPv6Address):
        return _directive("listen", _host_port(str(address), port), "ipv6only=on")
    return _directive("listen", _host_port(str(address), port))


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _without_repeated_listens(blocks: Iterable[Directive]) -> Iterator[Directive]:
    """While an address goes from one VirtualIP to another, both may have it for a moment: the first one keeps it.

    nginx refuses the whole configuration when the options of a `listen` are given twice.
    """
    seen: set[str] = set()
    for block in blocks:
        if block["directive"] != "server":
            yield block
            continue
        inner = [item for item in block["block"] if item["directive"] != "listen" or item["args"][0] not in seen]
        listens = {item["args"][0] for item in inner if item["directive"] == "listen"}
        seen |= listens
        if listens:
            yield {**block, "block": inner}


def _build(directives: list[Directive]) -> str:
    return str(crossplane.build(directives)).rstrip() + "\n"


def _directive(name: str, *args: str) -> Directive:
    return {"directive": name, "args": list(args)}


def _block(name: str, inner: list[Directive], *args: str) -> Directive:
    return {"directive": name, "args": list(args), "block": inner}
