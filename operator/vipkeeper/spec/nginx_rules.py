"""Rules of `spec.nginx` that a plain schema can't say: each in CEL and in Python, as in `rules.py`.

Two servers of one object may share a port when their host names differ; nginx takes the first one that fits, so equal
names would silently lose one of them. What belongs to the socket (PROXY protocol) must be the same for all of a port.

Tests: tests/unit/spec/test_nginx_rules.py; the CEL twins: tests/golden/bad_specs on a cluster.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.spec import nginx_text
from vipkeeper.spec.rules import (
    Rule,
    can_be_called,
    check_secret_source,
    good_addresses,
    items,
    mapping,
    objects,
    parse_address,
    parse_ip,
)

TIMEOUT_PATTERN = r"^([0-9]{1,6}ms|[0-9]{1,5}s|[0-9]{1,4}m|[0-9]{1,2}h)$"
MAX_TIMEOUT_MS = 24 * 3600 * 1000
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}

SOMETHING = Rule(
    "serves nothing: give at least one server in `http` or `stream`, or a `configMapRef`, or leave it out",
    "has(self.configMapRef) || has(self.http) && size(self.http) > 0 || has(self.stream) && size(self.stream) > 0",
)
OWN_ALONE = Rule(
    "has a `configMapRef` beside `http` or `stream`: it stands instead of them",
    "!has(self.configMapRef) || (!has(self.http) || size(self.http) == 0) && (!has(self.stream) || size(self.stream) == 0)",
)
_WITHOUT_NAMES = "(!has({0}.hostnames) || size({0}.hostnames) == 0)"
DEFAULT_SERVER_ONCE = Rule(
    "has the same port twice without `hostnames`: give each server its own port, or names of its own",
    f"self.all(a, !{_WITHOUT_NAMES.format('a')} || "
    f"self.exists_one(b, a.port == b.port && {_WITHOUT_NAMES.format('b')}))",
)
HOSTNAMES_ONCE = Rule(
    "has two servers for one host name on one port: write each name once",
    "self.all(a, !has(a.hostnames) || a.hostnames.all(name, "
    "self.exists_one(b, a.port == b.port && has(b.hostnames) && name in b.hostnames)))",
)
SAME_ON_A_PORT = Rule(
    "has servers on one port that differ in having `proxyProtocol` or `tls`, or in tls.http2 or tls.minVersion: these "
    "belong to the port, so write them in all",
    "self.all(a, self.all(b, a.port != b.port || has(a.proxyProtocol) == has(b.proxyProtocol) && has(a.tls) == has(b.tls)"
    " && (!has(a.tls) || !has(b.tls) ||"
    " (!has(a.tls.http2) || a.tls.http2) == (!has(b.tls.http2) || b.tls.http2) &&"
    " (has(a.tls.minVersion) && a.tls.minVersion == 'TLSv1.3') =="
    " (has(b.tls.minVersion) && b.tls.minVersion == 'TLSv1.3'))))",
)
STREAM_PORTS_UNIQUE = Rule(
    "has the same port twice: give each server its own",
    "self.all(a, self.exists_one(b, a.port == b.port && "
    "(has(a.protocol) ? a.protocol : 'TCP') == (has(b.protocol) ? b.protocol : 'TCP')))",
)
PORTS_APART = Rule(
    "has a TCP port in `http` and in `stream`: give each its own",
    "!has(self.http) || !has(self.stream) || self.stream.all(s, has(s.protocol) && s.protocol == 'UDP' || "
    "!self.http.exists(h, h.port == s.port))",
)
SERVER_ACTION = Rule(
    "needs exactly one of `upstream`, `redirect` and `response`, or `locations`",
    "[has(self.upstream), has(self.redirect), has(self.response)].exists_one(given, given) || "
    "!has(self.upstream) && !has(self.redirect) && !has(self.response) && has(self.locations) && size(self.locations) > 0",
)
LOCATION_ACTION = Rule(
    "needs exactly one of `upstream`, `redirect` and `response`",
    "[has(self.upstream), has(self.redirect), has(self.response)].exists_one(given, given)",
)
NO_REDIRECT = Rule("redirects: use `redirect` for that", "!(self in [301, 302, 303, 307, 308])")
LOCATIONS_UNIQUE = Rule(
    "has the same path twice: write each path of a type once",
    "self.all(a, self.exists_one(b, a.path == b.path && "
    "(has(a.pathType) ? a.pathType : 'Prefix') == (has(b.pathType) ? b.pathType : 'Prefix')))",
)
HEADERS_UNIQUE = Rule(
    "has the same field twice: write each once (upper and lower case are the same)",
    "self.all(a, self.exists_one(b, a.name.lowerAscii() == b.name.lowerAscii()))",
)
STREAM_UDP = Rule(
    "has a PROXY header or TLS with protocol UDP: nginx has them for TCP only",
    "!has(self.protocol) || self.protocol != 'UDP' || "
    "!has(self.tls) && !has(self.proxyProtocol) && (!has(self.sendProxyProtocol) || !self.sendProxyProtocol)",
)
UPSTREAM = Rule("needs exactly one of `servers` and `service`", "has(self.servers) != has(self.service)")
HASH_KEY = Rule(
    "needs a `hashKey` with balance Hash, and none with others",
    "(has(self.balance) && self.balance == 'Hash') == has(self.hashKey)",
)
BACKUP_BALANCE = Rule(
    "has a backup server with balance IPHash or Hash: nginx can't do both",
    "!has(self.balance) || !(self.balance in ['IPHash', 'Hash']) || !has(self.servers) || "
    "!self.servers.exists(s, has(s.backup) && s.backup)",
)
BACKUP_ALONE = Rule(
    "has backup servers only: one at least must be none",
    "!has(self.servers) || self.servers.exists(s, !has(s.backup) || !s.backup)",
)
UPSTREAM_ADDRESS = Rule(
    "is not an IP address that nginx can call: write a unicast address without port and zone; for a DNS name use "
    "`service`, because nginx would look a name up only once",
    "isIP(self) && (ip(self).isGlobalUnicast() || ip(self).isLoopback())",
    tells_value=True,
)
SERVICE_PORT = Rule(
    "is neither a port number (1 to 65535) nor a port's name",
    "type(self) == int ? self >= 1 && self <= 65535 : "
    "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && self.matches('[a-z]')",
)
SOURCE = Rule(
    "is neither an IP address nor a network: write e.g. 192.0.2.1 or 192.0.2.0/24",
    "isIP(self) || isCIDR(self)",
    tells_value=True,
)
TIMEOUT_TEXT = Rule(
    "is not a time: write a whole number with ms, s, m or h, e.g. 500ms, 30s, 5m or 1h",
    f"self.matches('{TIMEOUT_PATTERN}')",
    tells_value=True,
)
TIMEOUT_BOUNDS = Rule(
    "must be 10ms to 24h",
    f"!{TIMEOUT_TEXT.cel} || duration(self) >= duration('10ms') && duration(self) <= duration('24h')",
    tells_value=True,
)
UPSTREAM_NOT_OURSELVES = Rule("is an address and port of this object: nginx would call itself")
NEEDS_REACHABLE_ADDRESS = Rule(
    "needs an address that is not link-local: nginx does not listen on those, because clients would need a zone"
)


def parse_timeout_ms(text: str) -> int | None:
    """None for what is none."""
    found = re.fullmatch(r"([0-9]+)(ms|s|m|h)", text, re.ASCII)
    if found is None or re.fullmatch(TIMEOUT_PATTERN, text, re.ASCII) is None:
        return None
    return int(found[1]) * _UNITS_MS[found[2]]


def check_nginx(spec: object) -> Iterator[str]:
    """Every broken rule of `nginx` in a raw spec, as `path: reason`."""
    fields = mapping(spec)
    nginx, addresses = fields.get("nginx"), good_addresses(fields.get("addresses"))
    if not isinstance(nginx, Mapping):
        return
    http, stream = objects(nginx.get("http")), objects(nginx.get("stream"))
    if addresses and all(address.is_link_local for address in addresses):
        yield f"spec.nginx: {NEEDS_REACHABLE_ADDRESS.message}"
    if (http or stream) and nginx.get("configMapRef") is not None:
        yield f"spec.nginx: {OWN_ALONE.message}"
    if not http and not stream and nginx.get("configMapRef") is None:
        yield f"spec.nginx: {SOMETHING.message}"
    tcp_ports = {server.get("port") for server in [*http, *(item for item in stream if _protocol(item) == "TCP")]}
    ourselves = {(address, port) for address in addresses for port in tcp_ports}
    yield from _check_ports(http, stream)
    for index, server in enumerate(http):
        yield from _check_http_server(server, f"spec.nginx.http[{index}]", ourselves)
    for index, server in enumerate(stream):
        yield from _check_stream_server(server, f"spec.nginx.stream[{index}]", ourselves)


_Ourselves = set[tuple[IPAddress, Any]]


def _check_ports(http: list[Mapping[str, Any]], stream: list[Mapping[str, Any]]) -> Iterator[str]:
    nameless = Counter(item.get("port") for item in http if not items(item.get("hostnames")))
    if repeated := _repeated(nameless):
        yield f"spec.nginx.http: {DEFAULT_SERVER_ONCE.message} ({repeated})"
    named = Counter((item.get("port"), str(name)) for item in http for name in items(item.get("hostnames")))
    if any(count > 1 for count in named.values()):
        names = ", ".join(f"{name} on {port}" for (port, name), count in named.items() if count > 1)
        yield f"spec.nginx.http: {HOSTNAMES_ONCE.message} ({names})"
    kinds: dict[Any, set[Any]] = {}
    for item in http:
        kinds.setdefault(item.get("port"), set()).add(_of_the_socket(item))
    if mixed := {port for port, found in kinds.items() if len(found) > 1}:
        yield f"spec.nginx.http: {SAME_ON_A_PORT.message} ({_listed(mixed)})"
    if repeated := _repeated(Counter((item.get("port"), _protocol(item)) for item in stream)):
        yield f"spec.nginx.stream: {STREAM_PORTS_UNIQUE.message} ({repeated})"
    tcp = {item.get("port") for item in stream if _protocol(item) == "TCP"}
    if shared := tcp & {item.get("port") for item in http} - {None}:
        yield f"spec.nginx: {PORTS_APART.message} ({_listed(shared)})"


def _of_the_socket(server: Mapping[str, Any]) -> tuple[object, ...]:
    tls = server.get("tls")
    of_tls = (mapping(tls).get("http2", True) is not False, mapping(tls).get("minVersion") == "TLSv1.3")
    return (server.get("proxyProtocol") is not None, tls is not None, *of_tls)


def _check_http_server(server: Mapping[str, Any], path: str, ourselves: _Ourselves) -> Iterator[str]:
    actions = _actions(server)
    if actions > 1 or (actions == 0 and not items(server.get("locations"))):
        yield f"{path}: {SERVER_ACTION.message}"
    locations = objects(server.get("locations"))
    paths = Counter((str(item.get("path")), item.get("pathType") or "Prefix") for item in locations)
    if any(count > 1 for count in paths.values()):
        twice = ", ".join(text for (text, _), count in paths.items() if count > 1)
        yield f"{path}.locations: {LOCATIONS_UNIQUE.message} ({twice})"
    for place, item in [(path, server), *((f"{path}.locations[{n}]", item) for n, item in enumerate(locations))]:
        if item is not server and _actions(item) != 1:
            yield f"{place}: {LOCATION_ACTION.message}"
        if mapping(item.get("response")).get("statusCode") in (301, 302, 303, 307, 308):
            yield f"{place}.response.statusCode: {NO_REDIRECT.message}"
        yield from _check_upstream(item.get("upstream"), f"{place}.upstream", ourselves)
    names = [str(item.get("name")).lower() for item in objects(mapping(server.get("proxyHeaders")).get("set"))]
    if len(set(names)) < len(names):
        yield f"{path}.proxyHeaders.set: {HEADERS_UNIQUE.message}"
    yield from _check_common(server, path)


def _check_stream_server(server: Mapping[str, Any], path: str, ourselves: _Ourselves) -> Iterator[str]:
    needs_tcp = [server.get("proxyProtocol"), server.get("tls"), server.get("sendProxyProtocol") or None]
    if _protocol(server) == "UDP" and any(item is not None for item in needs_tcp):
        yield f"{path}: {STREAM_UDP.message}"
    yield from _check_upstream(
        server.get("upstream"), f"{path}.upstream", ourselves if _protocol(server) == "TCP" else set()
    )
    yield from _check_common(server, path)


def _check_common(server: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, text in mapping(server.get("timeouts")).items():
        yield from _check_timeout(text, f"{path}.timeouts.{name}")
    sources = items(mapping(server.get("proxyProtocol")).get("trustedSources"))
    for index, text in enumerate(sources):
        if isinstance(text, str) and parse_address(text) is None:
            yield f"{path}.proxyProtocol.trustedSources[{index}]: {text} {SOURCE.message}"
    yield from check_secret_source(server.get("tls"), f"{path}.tls")
    snippet = server.get("snippet")
    if isinstance(snippet, str):
        try:
            nginx_text.parse(snippet)
        except nginx_text.BadText as error:
            yield f"{path}.snippet: {error}"


def _check_upstream(upstream: object, path: str, ourselves: _Ourselves) -> Iterator[str]:
    if not isinstance(upstream, Mapping):
        return
    if (upstream.get("servers") is None) == (upstream.get("service") is None):
        yield f"{path}: {UPSTREAM.message}"
    balance = upstream.get("balance")
    if (balance == "Hash") != (upstream.get("hashKey") is not None):
        yield f"{path}: {HASH_KEY.message}"
    servers = objects(upstream.get("servers"))
    backups = [server for server in servers if server.get("backup")]
    if backups and balance in ("IPHash", "Hash"):
        yield f"{path}: {BACKUP_BALANCE.message}"
    if servers and len(backups) == len(servers):
        yield f"{path}: {BACKUP_ALONE.message}"
    for index, server in enumerate(servers):
        yield from _check_timeout(server.get("failTimeout"), f"{path}.servers[{index}].failTimeout")
        text = server.get("address")
        if not isinstance(text, str):
            continue
        address = parse_ip(text)
        if address is None or not can_be_called(address):
            yield f"{path}.servers[{index}].address: {text} {UPSTREAM_ADDRESS.message}"
        elif (address, server.get("port")) in ourselves:
            yield f"{path}.servers[{index}]: {UPSTREAM_NOT_OURSELVES.message}"


def _check_timeout(text: object, path: str) -> Iterator[str]:
    if not isinstance(text, str):
        return
    timeout_ms = parse_timeout_ms(text)
    if timeout_ms is None:
        yield f"{path}: {text} {TIMEOUT_TEXT.message}"
    elif not 10 <= timeout_ms <= MAX_TIMEOUT_MS:
        yield f"{path}: {text} {TIMEOUT_BOUNDS.message}"


def _actions(item: Mapping[str, Any]) -> int:
    return sum(item.get(name) is not None for name in ("upstream", "redirect", "response"))


def _protocol(server: Mapping[str, Any]) -> str:
    return str(server.get("protocol") or "TCP")


def _repeated(counts: Counter[Any]) -> str:
    ports = {key[0] if isinstance(key, tuple) else key for key, count in counts.items() if count > 1}
    return _listed(ports - {None})


def _listed(ports: set[Any]) -> str:
    return ", ".join(str(port) for port in sorted(ports, key=str))
