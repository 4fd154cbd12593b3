"""`server` blocks of nginx for `spec.nginx.http`, and what they share.

Inheritance in nginx is by name of the directive: a block that sets one proxy header inherits none. So a server with
headers of its own gets the usual ones as well.

Tests: tests/unit/render/test_nginx.py
"""

from __future__ import annotations

from collections.abc import Iterator

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, Location, ProxyHeaders, Redirect, Response, Upstream
from vipkeeper.render.nginx_directives import (
    ACCESS_LOG,
    Directive,
    block,
    directive,
    listen,
    mark,
    milliseconds,
    snippet,
    text,
    tls,
)
from vipkeeper.render.nginx_upstream import Backends, Endpoints, backends, upstream_block

PROXY_HEADERS = {
    "Host": "$http_host",
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    "X-Forwarded-Proto": "$scheme",
    "X-Forwarded-Host": "$http_host",
    "X-Forwarded-Port": "$server_port",
    "Upgrade": "$http_upgrade",
    "Connection": "$connection_upgrade",
}
"""Host keeps the port that the client wrote; the last two let WebSockets through."""

JSON_LOG = (
    '{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","host":"$host","uri":"$request_uri",'
    '"protocol":"$server_protocol","status":$status,"bytesSent":$bytes_sent,"seconds":$request_time,'
    '"server":"$server_addr","port":$server_port,"upstream":"$upstream_addr","upstreamSeconds":"$upstream_response_time",'
    '"userAgent":"$http_user_agent","referer":"$http_referer"}'
)
_USUAL_PORT = {"http": 80, "https": 443}


def http_settings(servers: list[HTTPServer]) -> Iterator[Directive]:
    """For all servers of all VirtualIPs."""
    yield directive("access_log", "off")
    yield directive("server_tokens", "off")
    yield directive("client_max_body_size", "0")  # a limit is the web server's business
    yield directive("server_names_hash_max_size", "4096")  # else a few long names are too many
    yield directive("server_names_hash_bucket_size", "512")
    yield directive("proxy_headers_hash_max_size", "2048")
    yield directive("proxy_headers_hash_bucket_size", "128")
    yield directive("proxy_http_version", "1.1")
    yield directive("proxy_connect_timeout", "2s")  # then the next server: a dead node does not answer at all
    yield from _header_directives(PROXY_HEADERS)
    yield block("map", [directive("default", "upgrade"), directive("", "")], "$http_upgrade", "$connection_upgrade")
    if any(server.access_log == "JSON" for server in servers):
        yield directive("log_format", "vipkeeper_json", "escape=json", JSON_LOG)


def http_blocks(document: RenderedVirtualIP, endpoints: Endpoints, tls_folder: str) -> Iterator[Directive]:
    """upstream and server blocks of one VirtualIP."""
    servers = document.nginx.http if document.nginx else ()
    addresses = [item.address for item in document.addresses if not item.address.is_link_local]
    for index, server in enumerate(servers):
        one = _Server(document.name, index, server, addresses, endpoints)
        yield from one.blocks(_shares_port(server, servers), tls_folder)
    yield from _for_other_names(document.name, servers, addresses)


class _Server:
    def __init__(
        self, virtualip: str, index: int, server: HTTPServer, addresses: list[IPAddress], endpoints: Endpoints
    ) -> None:
        self._virtualip, self._server, self._addresses = virtualip, server, addresses
        self._name = f"{virtualip}-http-{index}"
        self._field = f"spec.nginx.http[{index}]"
        self._endpoints = endpoints
        self._upstreams: list[Backends] = []

    def blocks(self, shares_port: bool, tls_folder: str) -> Iterator[Directive]:
        locations = list(self._locations())
        for upstream in self._upstreams:
            yield from upstream_block(upstream)
        options = listen_options(self._server)
        if shares_port and not self._server.hostnames:
            options.append("default_server")
        yield mark(self._virtualip, self._field)
        yield block(
            "server",
            [
                *(listen(address, self._server.port, *options) for address in self._addresses),
                *([directive("server_name", *self._server.hostnames)] if self._server.hostnames else []),
                *self._settings(),
                *(tls(self._virtualip, f"{self._field}.tls", self._server.tls, tls_folder) if self._server.tls else ()),
                *locations,
                *snippet(self._virtualip, f"{self._field}.snippet", self._server.snippet),
            ],
        )

    def _settings(self) -> Iterator[Directive]:
        server = self._server
        if server.proxy_protocol is not None:
            yield from (directive("set_real_ip_from", source) for source in server.proxy_protocol.trusted_sources)
            yield directive("real_ip_header", "proxy_protocol")
        if server.access_log:
            form = "vipkeeper_json" if server.access_log == "JSON" else "combined"
            yield directive("access_log", ACCESS_LOG, form)
        if server.max_body_size:
            yield directive("client_max_body_size", str(server.max_body_size))
        if server.timeouts is not None:
            for name in ("connect", "read", "send"):
                if value_ms := getattr(server.timeouts, f"{name}_ms"):
                    yield directive(f"proxy_{name}_timeout", milliseconds(value_ms))
        if server.proxy_headers is not None:
            yield from _own_headers(server.proxy_headers)
        yield directive("default_type", "text/plain")

    def _locations(self) -> Iterator[Directive]:
        server = self._server
        for index, location in enumerate(server.locations):
            field = f"{self._field}.locations[{index}]"
            yield mark(self._virtualip, field)
            args = ("=", location.path) if location.path_type == "Exact" else (location.path,)
            yield block("location", self._action(location, f"{self._name}-location-{index}", field), *args)
        if not any(item.path == "/" and item.path_type == "Prefix" for item in server.locations):
            rest = Location("/", "Prefix", server.upstream, server.redirect, server.response)
            yield mark(self._virtualip, self._field)
            yield block("location", self._action(rest, self._name, self._field), "/")

    def _action(self, location: Location, name: str, field: str) -> Iterator[Directive]:
        if location.upstream is not None:
            yield self._proxy_pass(location.upstream, name, f"{field}.upstream")
        elif location.redirect is not None:
            yield _redirect(location.redirect, self._server)
        elif location.response is not None:
            yield from _response(location.response)
        else:
            yield directive("return", "404")

    def _proxy_pass(self, upstream: Upstream, name: str, field: str) -> Directive:
        found = backends(name, self._virtualip, field, upstream, self._endpoints)
        self._upstreams.append(found)
        return directive("proxy_pass", f"http://{name}") if found.servers else directive("return", "503", found.missing)


def listen_options(server: HTTPServer) -> list[str]:
    """What belongs to the socket: the same for all servers of a port."""
    options = ["proxy_protocol"] if server.proxy_protocol is not None else []
    if server.tls is not None:
        options += ["ssl", "http2"] if server.tls.http2 else ["ssl"]
    return options


def _for_other_names(
    virtualip: str, servers: tuple[HTTPServer, ...], addresses: list[IPAddress]
) -> Iterator[Directive]:
    """Where each server of a port has names: nginx would give the first one the requests for all other names."""
    with_names = {server.port: server for server in reversed(servers) if server.hostnames}
    for port in sorted(with_names.keys() - {server.port for server in servers if not server.hostnames}):
        yield mark(virtualip, "spec.nginx.http")
        options = [*listen_options(with_names[port]), "default_server"]
        listens = [listen(address, port, *options) for address in addresses]
        # With TLS there is no certificate to answer with.
        answer = directive("ssl_reject_handshake", "on") if with_names[port].tls else directive("return", "404")
        yield block("server", [*listens, answer])


def _shares_port(server: HTTPServer, servers: tuple[HTTPServer, ...]) -> bool:
    return sum(other.port == server.port for other in servers) > 1


def _header_directives(headers: dict[str, str]) -> Iterator[Directive]:
    return (directive("proxy_set_header", name, value) for name, value in headers.items())


def _own_headers(headers: ProxyHeaders) -> Iterator[Directive]:
    if headers.set:
        own = {item.name.lower() for item in headers.set}
        usual = {name: value for name, value in PROXY_HEADERS.items() if name.lower() not in own}
        yield from _header_directives(usual | {item.name: text(item.value) for item in headers.set})
    yield from (directive("proxy_hide_header", name) for name in headers.hide)


def _redirect(redirect: Redirect, server: HTTPServer) -> Directive:
    scheme, host = redirect.scheme or "$scheme", redirect.hostname or "$host"
    port = redirect.port or (0 if redirect.scheme else server.port)
    own_scheme = "https" if server.tls else "http"
    shown = f":{port}" if port and port != _USUAL_PORT[redirect.scheme or own_scheme] else ""
    return directive("return", str(redirect.status_code), f"{scheme}://{host}{shown}{redirect.path or '$request_uri'}")


def _response(response: Response) -> Iterator[Directive]:
    yield directive("default_type", response.content_type)
    body = [text(response.body)] if response.body else []
    yield directive("return", str(response.status_code), *body)
