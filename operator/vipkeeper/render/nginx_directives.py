"""Directives of nginx as values (crossplane's form), and marks that say which field of which VirtualIP they come from.

A mark is a comment before the directives that it is about: `# web: spec.nginx.http[0].upstream`. It holds for what
follows in its block up to the next mark, so whatever nginx complains of, the file itself says whose it is
(`nginx_origin.py`).

Tests: tests/unit/render/test_nginx.py
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address
from typing import Any

import crossplane

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered_nginx import TLS
from vipkeeper.spec import nginx_text

Directive = dict[str, Any]
"""As crossplane has it: directive, args, and a block where there is one."""

ACCESS_LOG = "/dev/stdout"


def directive(name: str, *args: str) -> Directive:
    return {"directive": name, "args": list(args)}


def block(name: str, inner: Iterable[Directive], *args: str) -> Directive:
    return {"directive": name, "args": list(args), "block": list(inner)}


def mark(virtualip: str, field: str) -> Directive:
    return {"directive": "#", "args": [], "comment": f" {virtualip}: {field}"}


def build(directives: Iterable[Directive]) -> str:
    return str(crossplane.build(_numbered(directives, itertools.count(1)))).rstrip() + "\n"


def _numbered(directives: Iterable[Directive], numbers: Iterator[int]) -> list[Directive]:
    """crossplane writes a comment behind the directive before it when both have the same line number."""
    numbered = []
    for item in directives:
        copy = {**item, "line": next(numbers)}
        if item.get("block") is not None:
            copy["block"] = _numbered(item["block"], numbers)
        numbered.append(copy)
    return numbered


def text(value: str) -> str:
    """`value` as an argument that shall come out of nginx as it is (but for its variables)."""
    return value.replace("\\", "\\\\")


def listen(address: IPAddress, port: int, *options: str) -> Directive:
    return directive("listen", host_port(address, port), *options)


def host_port(address: IPAddress | str, port: int) -> str:
    written = str(address)
    return f"[{written}]:{port}" if isinstance(address, IPv6Address) or ":" in written else f"{written}:{port}"


def milliseconds(value_ms: int) -> str:
    return f"{value_ms // 1000}s" if value_ms % 1000 == 0 else f"{value_ms}ms"


def tls(virtualip: str, field: str, wanted: TLS, folder: str) -> Iterator[Directive]:
    """Certificate and key stand in one file, whose name tells its content."""
    file = f"{folder}/{certificate_file(wanted)}"
    yield mark(virtualip, field)
    yield directive("ssl_certificate", file)
    yield directive("ssl_certificate_key", file)
    yield directive("ssl_protocols", *(["TLSv1.2"] if wanted.min_version == "TLSv1.2" else []), "TLSv1.3")


def certificate_file(wanted: TLS) -> str:
    return f"{wanted.secret or 'file'}-{wanted.version}.pem"


def snippet(virtualip: str, field: str, source: str) -> Iterator[Directive]:
    """What the user wrote, marked. It was parsed at the door, so it is whole in itself."""
    if source:
        parsed = nginx_text.parse(source)
        yield from [mark(virtualip, field), *parsed] if parsed else []
