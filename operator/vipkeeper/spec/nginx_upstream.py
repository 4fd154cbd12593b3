"""Where nginx sends requests: the part of `spec.nginx` that HTTP servers, locations and streams share."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from vipkeeper.spec import nginx_rules
from vipkeeper.spec.model import Written, kubernetes
from vipkeeper.spec.scalars import DNSLabel, Port

MAX_UPSTREAM_SERVERS = 32
PORT_NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
WITHOUT_SPACE_PATTERN = r"^[!-~]+$"


def _service_port(value: object) -> int | str:
    """A port number, or an IANA service name (with a letter in it, as Kubernetes demands)."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
        return value
    is_text = isinstance(value, str) and len(value) <= 15 and re.fullmatch(PORT_NAME_PATTERN, value) is not None
    if is_text and re.search("[a-z]", str(value)):
        return str(value)
    raise ValueError(nginx_rules.SERVICE_PORT.message)


ServicePort = Annotated[
    int | str,
    PlainValidator(_service_port),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 15, **kubernetes(nginx_rules.SERVICE_PORT)}),
]
Timeout = Annotated[
    str,
    Field(max_length=16, json_schema_extra=kubernetes(nginx_rules.TIMEOUT_TEXT, nginx_rules.TIMEOUT_BOUNDS)),
]


class UpstreamServer(Written):
    """One backend server."""

    address: Annotated[
        str, Field(min_length=2, max_length=39, json_schema_extra=kubernetes(nginx_rules.UPSTREAM_ADDRESS))
    ]
    """IPv4 or IPv6 address. Not a DNS name: nginx would look it up once, when it starts, and refuse to start when the
    lookup fails. Use `service` for what moves."""
    port: Port
    """Port, 1 to 65535."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Share of this server, compared with the weights of the others, 1 to 1000 [1]."""
    backup: bool = False
    """true: asked only while all others fail [false]. Not with balance IPHash or Hash."""
    max_fails: Annotated[int, Field(ge=0, le=1000)] = 1
    """After so many failed attempts within `failTimeout` the server is left alone for that time, 0 to 1000 [1]; 0:
    never."""
    fail_timeout: Timeout = "10s"
    """See `maxFails`: 10ms to 24h [10s], rounded up to whole seconds."""


class ServiceReference(Written):
    """A Service of this cluster. nginx calls its ready endpoints directly."""

    namespace: DNSLabel
    """Namespace of the Service."""
    name: DNSLabel
    """Name of the Service."""
    port: ServicePort
    """Port of the Service (not of its pods): the number or the name."""


class Upstream(Written):
    """Where requests go: give exactly one of `servers` and `service`."""

    model_config = ConfigDict(
        json_schema_extra=kubernetes(
            nginx_rules.UPSTREAM, nginx_rules.HASH_KEY, nginx_rules.BACKUP_BALANCE, nginx_rules.BACKUP_ALONE
        )
    )

    servers: Annotated[
        tuple[UpstreamServer, ...] | None, Field(min_length=1, max_length=MAX_UPSTREAM_SERVERS, strict=False)
    ] = None
    """Backend servers, 1 to 32."""
    service: ServiceReference | None = None
    """A Service, whose ready endpoints are asked."""
    balance: Literal["RoundRobin", "LeastConnections", "IPHash", "Hash"] = "RoundRobin"
    """Who is asked next. RoundRobin [default]: each in turn, by weight. LeastConnections: who has the fewest. IPHash: one
    client address stays with one server. Hash: what `hashKey` makes equal stays with one server."""
    hash_key: Annotated[str | None, Field(min_length=1, max_length=256, pattern=WITHOUT_SPACE_PATTERN)] = None
    """With balance Hash: text with nginx's variables, e.g. $request_uri. Servers that come or go move few keys."""
