"""The nginx section of a rendered document: what nginx of every node serves on the addresses.

The first format of the document knew of HTTP servers their port and one upstream only. Those members are still
written in the same way, so an agent of before goes on with a section that says no more than that
(`said_by_format_1`).

Tests: tests/unit/ipc/test_rendered_nginx.py
"""

from __future__ import annotations

from dataclasses import dataclass

from vipkeeper.ipc.members import choice, number
from vipkeeper.ipc.secret_kinds import SecretKind

MAX_TIMEOUT_MS = 24 * 3600 * 1000
MAX_BODY_SIZE = 2**50


@dataclass(frozen=True, slots=True)
class ServiceUpstream:
    """A Kubernetes Service as upstream; the agent resolves it from EndpointSlices."""

    namespace: str
    name: str
    port: int | str
    """Port of the Service: its number or its name."""
    protocol: str = choice("TCP", "UDP")


@dataclass(frozen=True, slots=True)
class UpstreamServer:
    """One backend server written by the user."""

    address: str
    """IP address: `spec/` refuses DNS names, which nginx would look up once, at start."""
    port: int = number(1, 65535)
    weight: int = number(1, 1000, 1)
    backup: bool = False
    max_fails: int = number(0, 1000, 1)
    fail_timeout_ms: int = number(1, MAX_TIMEOUT_MS, 10_000)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where requests go. Exactly one of `servers` and `service` is set."""

    servers: tuple[UpstreamServer, ...] = ()
    service: ServiceUpstream | None = None
    balance: str = choice("RoundRobin", "LeastConnections", "IPHash", "Hash")
    hash_key: str = ""
    """With Hash: text with nginx's variables."""

    def problem(self) -> str:
        return "needs exactly one of servers and service" if (self.service is None) == (not self.servers) else ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """What is empty (0) stays as it was in the request."""

    scheme: str = ""
    hostname: str = ""
    port: int = number(0, 65535, 0)
    path: str = ""
    status_code: int = number(301, 308, 301)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of nginx itself."""

    status_code: int = number(200, 599, 200)
    body: str = ""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Location:
    """A part of a server by path. Exactly one of `upstream`, `redirect` and `response` is set."""

    path: str
    path_type: str = choice("Prefix", "Exact")
    upstream: Upstream | None = None
    redirect: Redirect | None = None
    response: Response | None = None

    def problem(self) -> str:
        count = sum(item is not None for item in (self.upstream, self.redirect, self.response))
        return "" if count == 1 else "needs exactly one of upstream, redirect and response"


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ProxyHeaders:
    set: tuple[Header, ...] = ()
    """To the upstream, besides and instead of the usual ones."""
    hide: tuple[str, ...] = ()
    """Not passed on to the client."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Milliseconds; 0: as nginx has it (connect: 2 s)."""

    connect_ms: int = number(0, MAX_TIMEOUT_MS, 0)
    read_ms: int = number(0, MAX_TIMEOUT_MS, 0)
    send_ms: int = number(0, MAX_TIMEOUT_MS, 0)
    idle_ms: int = number(0, MAX_TIMEOUT_MS, 0)
    """Of stream servers: time without a byte in either direction."""


@dataclass(frozen=True, slots=True)
class ProxyProtocol:
    """Every connection begins with a PROXY header; the address in it counts when the sender is trusted."""

    trusted_sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TLS:
    """Certificate and key are in the placement's Secret, as `references` name them, or in `file`."""

    secret: str = ""
    min_version: str = choice("TLSv1.2", "TLSv1.3")
    http2: bool = True
    version: str = ""
    """Which content of the Secret: filled in by the agent, so that another certificate is another configuration."""
    file: str = ""
    """Of `vipkeeper run`, instead of a Secret: a path."""

    @property
    def references(self) -> dict[str, SecretKind]:
        if self.file:
            return {self.file: SecretKind.CERTIFICATE_WITH_KEY}
        return {
            f"{self.secret}_tls.crt": SecretKind.CERTIFICATE,
            f"{self.secret}_tls.key": SecretKind.PRIVATE_KEY,
        }

    def problem(self) -> str:
        return "needs exactly one of secret and file" if bool(self.secret) == bool(self.file) else ""


@dataclass(frozen=True, slots=True)
class HTTPServer:
    """One nginx `server` on the addresses. At most one of an upstream, `redirect` and `response` is set."""

    port: int = number(1, 65535)
    servers: tuple[UpstreamServer, ...] = ()
    service: ServiceUpstream | None = None
    balance: str = choice("RoundRobin", "LeastConnections", "IPHash", "Hash")
    hash_key: str = ""
    redirect: Redirect | None = None
    response: Response | None = None
    tls: TLS | None = None
    hostnames: tuple[str, ...] = ()
    """() for every name that no other server of the port has."""
    locations: tuple[Location, ...] = ()
    proxy_headers: ProxyHeaders | None = None
    timeouts: Timeouts | None = None
    max_body_size: int = number(0, MAX_BODY_SIZE, 0)
    """Bytes; 0: no limit."""
    proxy_protocol: ProxyProtocol | None = None
    access_log: str = choice("", "Combined", "JSON")
    """ "" for none."""
    snippet: str = ""

    @property
    def upstream(self) -> Upstream | None:
        """Of the server itself, for all paths without a location."""
        if not self.servers and self.service is None:
            return None
        return Upstream(self.servers, self.service, self.balance, self.hash_key)

    def problem(self) -> str:
        one = (bool(self.servers), self.service is not None, self.redirect is not None, self.response is not None)
        if sum(one) == 1 or (not any(one) and self.locations):
            return ""
        return "needs exactly one of servers and service, or a redirect, a response or locations"


@dataclass(frozen=True, slots=True)
class StreamServer:
    """One nginx `server` that passes connections (TCP) or datagrams (UDP) on."""

    port: int = number(1, 65535)
    protocol: str = choice("TCP", "UDP")
    upstream: Upstream | None = None
    """Always set; None only while a document is read that lacks it."""
    timeouts: Timeouts | None = None
    proxy_protocol: ProxyProtocol | None = None
    send_proxy_protocol: bool = False
    access_log: str = choice("", "Combined", "JSON")
    snippet: str = ""
    tls: TLS | None = None

    def problem(self) -> str:
        return "" if self.upstream is not None else "needs an upstream"


@dataclass(frozen=True, slots=True)
class OwnConfiguration:
    """An nginx.conf of the user's own."""

    config_map: str
    key: str
    text: str = ""
    """Filled in by the operator."""


@dataclass(frozen=True, slots=True)
class NginxSection:
    """What nginx serves on the addresses of this VirtualIP."""

    http: tuple[HTTPServer, ...] = ()
    stream: tuple[StreamServer, ...] = ()
    own_configuration: OwnConfiguration | None = None
    """Instead of the others."""


def said_by_format_1(section: NginxSection) -> bool:
    """A reader of the first format loses nothing."""
    return bool(section.http) and section == NginxSection(tuple(_of_format_1(server) for server in section.http))


def _of_format_1(server: HTTPServer) -> HTTPServer:
    service = server.service
    return HTTPServer(
        server.port,
        tuple(UpstreamServer(item.address, item.port) for item in server.servers),
        ServiceUpstream(service.namespace, service.name, service.port) if service else None,
    )


def services_of(section: NginxSection) -> set[ServiceUpstream]:
    """Every Service that it names."""
    upstreams = [server.upstream for server in section.http]
    upstreams += [server.upstream for server in section.stream]
    upstreams += [location.upstream for server in section.http for location in server.locations]
    return {upstream.service for upstream in upstreams if upstream is not None and upstream.service is not None}


def certificates_of(section: NginxSection) -> tuple[tuple[str, TLS], ...]:
    """Every server with TLS, by its field."""
    http = [(f"spec.nginx.http[{index}].tls", server.tls) for index, server in enumerate(section.http)]
    stream = [(f"spec.nginx.stream[{index}].tls", server.tls) for index, server in enumerate(section.stream)]
    return tuple((field, tls) for field, tls in [*http, *stream] if tls is not None)
