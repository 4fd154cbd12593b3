"""Certificates for nginx: which content of a Secret a configuration means, and the files that hold it. Pure.

A file's name has a hash of its content, so another certificate is another configuration (and is tested as one), and
the form of a section that ran before still finds what it ran with. Certificate and key stand in one file: there is no
moment at which they don't belong together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import TLS, certificates_of
from vipkeeper.render.nginx_directives import certificate_file


@dataclass(frozen=True, slots=True)
class Pinned:
    document: RenderedVirtualIP
    """With the version of each certificate."""
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    """By name. Never in a log."""
    missing: tuple[str, str] | None = None
    """Field and reason, where a Secret is not here."""


def _missing(tls: TLS) -> str:
    secret = tls.secret.removeprefix("_").replace("_", "/")  # _namespace_name of another namespace
    return f"{tls.file} can't be read" if tls.file else f"Secret {secret} has not come to this node yet"


def pin(document: RenderedVirtualIP, value: Callable[[str], bytes | None]) -> Pinned:
    """`value`: what a reference leads to, None for nothing."""
    section = document.nginx
    if section is None:
        return Pinned(document)
    files: dict[str, bytes] = {}
    versions: dict[TLS, TLS] = {}
    for path, tls in certificates_of(section):
        values = [value(reference) for reference in tls.references]
        if any(item is None for item in values):
            return Pinned(document, missing=(path, _missing(tls)))
        content = b"\n".join(item.strip() for item in values if item is not None) + b"\n"
        versions[tls] = replace(tls, version=hashlib.sha256(content).hexdigest()[:16])
        files[certificate_file(versions[tls])] = content
    http = tuple(replace(item, tls=versions[item.tls]) if item.tls else item for item in section.http)
    stream = tuple(replace(item, tls=versions[item.tls]) if item.tls else item for item in section.stream)
    return Pinned(replace(document, nginx=replace(section, http=http, stream=stream)), files)
