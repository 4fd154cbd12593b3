"""nginx.conf of one node and placement, for all VirtualIPs with an nginx section.

nginx listens on the virtual addresses themselves, on every node (ip_nonlocal_bind), so that a takeover needs no
reload. Nothing is listened to on a wildcard address, so placements on one node do not meet. Link-local addresses are
left out: to bind one takes a zone, which a VirtualIP does not have.

`user`, `daemon`, `error_log` and modules to load are the entry script's (it knows the image); here they would be given
twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from vipkeeper.ipc import rendered_nginx
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import ServiceUpstream
from vipkeeper.render.nginx_directives import Directive, block, build, directive
from vipkeeper.render.nginx_http import http_blocks, http_settings
from vipkeeper.render.nginx_own import own_blocks
from vipkeeper.render.nginx_stream import stream_blocks, stream_settings
from vipkeeper.render.nginx_upstream import Endpoint

IDLE_STATUS_CONNECTION = "1h"
"""The engine holds one silent connection to the status socket: only the end of nginx shall end it."""

OLD_WORKERS_LIVE = "240s"
"""After a reload old workers finish what they have begun. Without an end they would pile up where endpoints change all
the time; this is the time that others (ingress-nginx) have found to be a good one."""


@dataclass(frozen=True, slots=True)
class NginxPaths:
    """Where nginx keeps its things (ARCHITECTURE.md)."""

    run: str = "/run/vipkeeper/nginx"
    """Holds nginx.pid, status.sock and tls/."""
    cache: str = "/var/cache/nginx"
    """Holds the folders for bodies and answers that do not fit into memory."""

    @property
    def tls(self) -> str:
        """Certificates with their keys."""
        return f"{self.run}/tls"


@dataclass(frozen=True, slots=True)
class NginxConfiguration:
    generation: str
    """16 hex digits, a hash of the content: equal inputs have an equal generation, and need no reload."""
    text: str


def render_nginx(
    documents: Iterable[RenderedVirtualIP],
    endpoints: Mapping[ServiceUpstream, tuple[Endpoint, ...]],
    readiness_port: int | None,
    paths: NginxPaths = NginxPaths(),
) -> NginxConfiguration:
    """A Service that `endpoints` does not know, or without endpoints, answers 503 (in a stream: nothing).

    `readiness_port`: where the kubelet asks; None where there is none.
    """
    serving = _serving(documents)
    http = [
        item
        for document in serving
        for item in (*http_blocks(document, endpoints, paths.tls), *own_blocks(document, "http"))
    ]
    stream = [
        item
        for document in serving
        for item in (*stream_blocks(document, endpoints, paths.tls), *own_blocks(document, "stream"))
    ]
    taken: set[tuple[str, ...]] = set()
    http, stream = list(_without_repeated_listens(http, taken)), list(_without_repeated_listens(stream, taken))
    content = build(_main(serving, http, stream, "", readiness_port, paths))
    generation = hashlib.sha256(content.encode()).hexdigest()[:16]
    return NginxConfiguration(generation, build(_main(serving, http, stream, generation, readiness_port, paths)))


def services_of(documents: Iterable[RenderedVirtualIP]) -> tuple[ServiceUpstream, ...]:
    """Every Service that the documents name, once."""
    sections = [document.nginx for document in documents if document.nginx is not None]
    named = {service for section in sections for service in rendered_nginx.services_of(section)}
    return tuple(
        sorted(named, key=lambda service: (service.namespace, service.name, str(service.port), service.protocol))
    )


def _serving(documents: Iterable[RenderedVirtualIP]) -> list[RenderedVirtualIP]:
    return sorted((document for document in documents if document.nginx is not None), key=lambda item: item.name)


def _main(
    documents: list[RenderedVirtualIP],
    http: list[Directive],
    stream: list[Directive],
    generation: str,
    readiness_port: int | None,
    paths: NginxPaths,
) -> Iterator[Directive]:
    sections = [document.nginx for document in documents if document.nginx is not None]
    yield directive("worker_processes", "auto")
    yield directive("worker_shutdown_timeout", OLD_WORKERS_LIVE)
    yield directive("pid", f"{paths.run}/nginx.pid")
    yield block("events", [directive("worker_connections", "4096")])
    settings = http_settings([server for section in sections for server in section.http])
    status = _status_server(generation, readiness_port, paths)
    yield block("http", [*_temp_paths(paths), *settings, status, *http])
    if stream:
        yield block("stream", [*stream_settings([item for section in sections for item in section.stream]), *stream])


def _temp_paths(paths: NginxPaths) -> Iterator[Directive]:
    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"):
        yield directive(f"{kind}_temp_path", f"{paths.cache}/{kind.removesuffix('_body')}_temp")


def _status_server(generation: str, readiness_port: int | None, paths: NginxPaths) -> Directive:
    return block(
        "server",
        [
            directive("listen", f"unix:{paths.run}/status.sock"),
            *([directive("listen", f"127.0.0.1:{readiness_port}")] if readiness_port is not None else []),
            directive("client_header_timeout", IDLE_STATUS_CONNECTION),
            directive("keepalive_timeout", IDLE_STATUS_CONNECTION),
            directive("keepalive_requests", "1000000"),
            directive("default_type", "text/plain"),
            block("location", [directive("return", "200", "ok\n")], "=", "/healthz"),
            block("location", [directive("return", "200", f"{generation}\n")], "=", "/generation"),
            block("location", [directive("return", "404")], "/"),
        ],
    )


def _without_repeated_listens(blocks: Iterable[Directive], taken: set[tuple[str, ...]]) -> Iterator[Directive]:
    """While an address goes from one VirtualIP to another, both may have it for a moment: the first one keeps it.

    nginx refuses the whole configuration when the options of a `listen` are given twice. `taken`: VirtualIP, protocol
    and address of all blocks before; servers of one VirtualIP may share an address.
    """
    owner = ""
    for item in blocks:
        if item["directive"] == "#":
            owner = item["comment"].split(":")[0].strip()
        if item["directive"] != "server":
            yield item
            continue
        others = {place[1:] for place in taken if place[0] != owner}
        inner = [one for one in item["block"] if one["directive"] != "listen" or _place(one) not in others]
        listens = {_place(one) for one in inner if one["directive"] == "listen"}
        taken |= {(owner, *place) for place in listens}
        if listens:
            yield {**item, "block": inner}


def _place(listen: Directive) -> tuple[str, ...]:
    return ("UDP" if "udp" in listen["args"] else "TCP", listen["args"][0])
