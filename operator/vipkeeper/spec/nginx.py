"""`spec.nginx` of a VirtualIP: what nginx serves on the addresses. Part of `virtualip.py`, with the same customs.

Texts that nginx knows as "text with variables" may have nginx's variables in them ($host, $request_uri, ...). What
nginx makes of them is told in the condition NginxReady; rules between fields stand in `nginx_rules.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from vipkeeper.spec import nginx_rules, rules
from vipkeeper.spec.model import Written, kubernetes
from vipkeeper.spec.nginx_upstream import Timeout, Upstream
from vipkeeper.spec.scalars import DNS_SUBDOMAIN_PATTERN, DNSLabel, ObjectName, Port

MAX_HTTP_SERVERS = 16
MAX_STREAM_SERVERS = 16
MAX_LOCATIONS = 16
MAX_HOSTNAMES = 16
MAX_HEADERS = 32
MAX_SOURCES = 32

HOSTNAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
HOSTNAME_OR_WILDCARD_PATTERN = HOSTNAME_PATTERN.replace("^", r"^(\*\.)?", 1)
HEADER_NAME_PATTERN = r"^[A-Za-z0-9][-A-Za-z0-9]*$"
PRINTABLE_PATTERN = r"^[ -~]*$"
CONTENT_TYPE_PATTERN = r"^[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+(; ?[A-Za-z0-9=.-]+)?$"
CONFIG_MAP_KEY_PATTERN = r"^[-._a-zA-Z0-9]+$"
SIZE_PATTERN = r"^[1-9][0-9]{0,5}(Ki|Mi|Gi)?$"


Hostname = Annotated[str, Field(min_length=1, max_length=253, pattern=HOSTNAME_OR_WILDCARD_PATTERN)]
HeaderName = Annotated[str, Field(min_length=1, max_length=64, pattern=HEADER_NAME_PATTERN)]
Source = Annotated[str, Field(min_length=2, max_length=43, json_schema_extra=kubernetes(nginx_rules.SOURCE))]
Path = Annotated[str, Field(min_length=1, max_length=1024, pattern=rules.HTTP_PATH_PATTERN)]
Snippet = Annotated[str, Field(max_length=16384)]


class Redirect(Written):
    """Send the client elsewhere. What is left out stays as it was in the request."""

    scheme: Literal["http", "https"] | None = None
    """http or https."""
    hostname: Annotated[str | None, Field(max_length=253, pattern=HOSTNAME_PATTERN)] = None
    """Host name."""
    port: Port | None = None
    """Port, 1 to 65535. Absent: that of `scheme`; without a scheme that of this server."""
    path: Path | None = None
    """Path and query; may have nginx's variables in it, e.g. /new$request_uri."""
    status_code: Literal[301, 302, 303, 307, 308] = 301
    """301 [default] and 308: for ever; 302, 303 and 307: for now."""


class Response(Written):
    """An answer that nginx gives by itself."""

    status_code: Annotated[int, Field(ge=200, le=599, json_schema_extra=kubernetes(nginx_rules.NO_REDIRECT))] = 200
    """Status, 200 to 599 [200], but none that redirects. 444: close the connection without a word."""
    body: Annotated[str, Field(max_length=4096)] = ""
    """Text of the answer, at most 4096 characters; may have nginx's variables in it."""
    content_type: Annotated[str, Field(max_length=128, pattern=CONTENT_TYPE_PATTERN)] = "text/plain"
    """Media type [text/plain]."""


class Location(Written):
    """What is done with some paths: give exactly one of `upstream`, `redirect` and `response`."""

    model_config = ConfigDict(json_schema_extra=kubernetes(nginx_rules.LOCATION_ACTION))

    path: Path
    """Path, e.g. /api/."""
    path_type: Literal["Prefix", "Exact"] = "Prefix"
    """Prefix [default]: every path that begins with it; the longest one counts. Exact: this path alone."""
    upstream: Upstream | None = None
    """Pass requests on, with their path as it is."""
    redirect: Redirect | None = None
    """Send the client elsewhere."""
    response: Response | None = None
    """Answer at once."""


class Header(Written):
    """One header field."""

    name: HeaderName
    """Name of the field."""
    value: Annotated[str, Field(max_length=1024, pattern=PRINTABLE_PATTERN)]
    """Its value; may have nginx's variables in it. Empty: the field is not sent."""


class ProxyHeaders(Written):
    """Header fields of what is passed on. Without it the upstream gets Host, X-Real-IP, X-Forwarded-For,
    X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Port, and WebSockets pass."""

    set: Annotated[
        tuple[Header, ...],
        Field(max_length=MAX_HEADERS, strict=False, json_schema_extra=kubernetes(nginx_rules.HEADERS_UNIQUE)),
    ] = ()
    """Fields of the request to the upstream, besides the usual ones or instead of them, up to 32."""
    hide: Annotated[tuple[HeaderName, ...], Field(max_length=MAX_HEADERS, strict=False)] = ()
    """Fields of the upstream's answer that the client does not get, up to 32."""


class HTTPTimeouts(Written):
    """How long nginx waits for the upstream, each 10ms to 24h."""

    connect: Timeout = "2s"
    """For a connection [2s]; then the next server is asked."""
    read: Timeout = "60s"
    """For the next byte of the answer [60s]. A WebSocket that is silent for longer ends."""
    send: Timeout = "60s"
    """For the upstream to take the next byte of the request [60s]."""


class StreamTimeouts(Written):
    """How long nginx waits, each 10ms to 24h."""

    connect: Timeout = "2s"
    """For a connection to the upstream [2s]; then the next server is asked."""
    idle: Timeout = "10m"
    """For the next byte or datagram in either direction [10m]; then the connection ends."""


class ProxyProtocol(Written):
    """Every client is a proxy that begins its connections with a PROXY header (version 1 or 2). One without is closed."""

    trusted_sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=MAX_SOURCES, strict=False)]
    """Addresses and networks, 1 to 32: what they say counts as the client's address."""


class TLSSecretReference(Written):
    """A Secret of type kubernetes.io/tls."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.SECRET_PLACE_LENGTH))

    namespace: DNSLabel | None = None
    """Namespace of the Secret. Absent: the operator's (vipkeeper, as a rule). In another one the operator may read it
    when a RoleBinding there lets it get this Secret; together with `name` at most 187 characters."""
    name: Annotated[str, Field(min_length=1, max_length=189, pattern=DNS_SUBDOMAIN_PATTERN)]
    """Name of the Secret, with keys tls.crt and tls.key."""


class TLS(Written):
    """Clients speak TLS. A changed certificate is taken at once. Give exactly one of `secretRef` and `file`."""

    model_config = ConfigDict(json_schema_extra=kubernetes(rules.SECRET_SOURCE))

    secret_ref: TLSSecretReference | None = None
    """In a cluster: certificate and private key in a Secret."""
    file: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
    """For `vipkeeper run`, and refused in a cluster: a PEM file with the certificate, those that it is signed by, and
    the private key, relative to the folder of this document. Only root should be able to read it. It is read again on
    SIGHUP."""
    min_version: Literal["TLSv1.2", "TLSv1.3"] = "TLSv1.2"
    """Oldest version that is spoken, TLSv1.2 [default] or TLSv1.3. The same for all servers of a port."""


class HTTPTLS(TLS):
    """Clients speak TLS. A changed certificate is taken at once. Give exactly one of `secretRef` and `file`."""

    http2: bool = True
    """true [default]: HTTP/2 for clients that know it. The same for all servers of a port."""


class AccessLog(Written):
    """One line for each request or connection, on the standard output of the nginx container."""

    format: Literal["Combined", "JSON"] = "Combined"
    """Combined [default]: as web servers have it. JSON: one object in a line."""


class HTTPServer(Written):
    """An HTTP server on every address of this object. Give at most one of `upstream`, `redirect` and `response`: it is
    for all paths that no location has."""

    model_config = ConfigDict(json_schema_extra=kubernetes(nginx_rules.SERVER_ACTION))

    port: Port
    """TCP port to listen on, 1 to 65535. Several servers may share it when their `hostnames` differ."""
    hostnames: Annotated[
        tuple[Hostname, ...],
        Field(max_length=MAX_HOSTNAMES, strict=False, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = ()
    """Names that clients ask for, e.g. shop.example.com or *.example.com, up to 16. Absent: every name that no other
    server of the port has. Where no server has it, the answer is 404."""
    tls: HTTPTLS | None = None
    """TLS with a certificate from a Secret. Absent: plain HTTP. All servers of a port have it, or none."""
    upstream: Upstream | None = None
    """Pass requests on."""
    redirect: Redirect | None = None
    """Send clients elsewhere, e.g. {scheme: https}."""
    response: Response | None = None
    """Answer at once."""
    locations: Annotated[
        tuple[Location, ...],
        Field(max_length=MAX_LOCATIONS, strict=False, json_schema_extra=kubernetes(nginx_rules.LOCATIONS_UNIQUE)),
    ] = ()
    """Exceptions by path, up to 16."""
    proxy_headers: ProxyHeaders | None = None
    """Header fields of what is passed on."""
    timeouts: HTTPTimeouts | None = None
    """How long nginx waits for the upstream."""
    max_body_size: Annotated[str | None, Field(max_length=8, pattern=SIZE_PATTERN)] = None
    """Longest request body, e.g. 512Ki, 10Mi, 1Gi; a longer one gets 413. Absent: no limit."""
    proxy_protocol: ProxyProtocol | None = None
    """Clients are proxies that tell the client's address. The same for all servers of a port."""
    access_log: AccessLog | None = None
    """Log requests. Absent: no log."""
    snippet: Snippet | None = None
    """Directives of nginx for its `server` block, as they stand in nginx.conf. For what has no field here."""


class StreamServer(Written):
    """A TCP or UDP server on every address of this object: bytes are passed on as they are."""

    model_config = ConfigDict(json_schema_extra=kubernetes(nginx_rules.STREAM_UDP))

    port: Port
    """Port to listen on, 1 to 65535."""
    protocol: Literal["TCP", "UDP"] = "TCP"
    """TCP [default] or UDP."""
    tls: TLS | None = None
    """TLS with a certificate from a Secret; the upstream gets what was inside. Absent: bytes as they are. TCP only."""
    upstream: Upstream
    """Where connections or datagrams go."""
    timeouts: StreamTimeouts | None = None
    """How long nginx waits."""
    proxy_protocol: ProxyProtocol | None = None
    """Clients are proxies that tell the client's address. TCP only."""
    send_proxy_protocol: bool = False
    """true: tell the upstream the client's address in a PROXY header (version 1) [false]. TCP only."""
    access_log: AccessLog | None = None
    """Log connections. Absent: no log."""
    snippet: Snippet | None = None
    """Directives of nginx for its `server` block, as they stand in nginx.conf. For what has no field here."""


class ConfigMapReference(Written):
    """A key of a ConfigMap."""

    name: ObjectName
    """Name of the ConfigMap. It must be in the operator's namespace (vipkeeper, as a rule)."""
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=CONFIG_MAP_KEY_PATTERN)] = "nginx.conf"
    """Key in its `data` [nginx.conf]."""


class Nginx(Written):
    """What nginx serves on the addresses. nginx is watched: a node whose nginx fails gives the addresses away."""

    model_config = ConfigDict(
        json_schema_extra=kubernetes(nginx_rules.SOMETHING, nginx_rules.OWN_ALONE, nginx_rules.PORTS_APART)
    )

    http: Annotated[
        tuple[HTTPServer, ...],
        Field(
            max_length=MAX_HTTP_SERVERS,
            strict=False,
            json_schema_extra=kubernetes(
                nginx_rules.DEFAULT_SERVER_ONCE, nginx_rules.HOSTNAMES_ONCE, nginx_rules.SAME_ON_A_PORT
            ),
        ),
    ] = ()
    """HTTP servers, up to 16."""
    stream: Annotated[
        tuple[StreamServer, ...],
        Field(
            max_length=MAX_STREAM_SERVERS,
            strict=False,
            json_schema_extra=kubernetes(nginx_rules.STREAM_PORTS_UNIQUE),
        ),
    ] = ()
    """TCP and UDP servers, up to 16."""
    config_map_ref: ConfigMapReference | None = None
    """Instead of `http` and `stream`: an nginx.conf of your own, at most 64 KiB, in a ConfigMap. `listen 80` in it means
    port 80 on the addresses of this object. What belongs to the process (user, workers, events, pid, error_log, modules)
    is passed over, because all VirtualIPs of a node share one nginx. A change of the ConfigMap is taken at once."""
