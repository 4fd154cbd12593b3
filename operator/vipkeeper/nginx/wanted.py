"""What nginx shall run: the documents with an nginx section, and what belongs to them. Rendered on demand, for all of
them or for a choice.

Tests: tests/netns/test_nginx_configurator.py
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import ServiceUpstream
from vipkeeper.render.nginx import NginxConfiguration, NginxPaths, render_nginx
from vipkeeper.render.nginx_upstream import Endpoint


@dataclass(frozen=True, slots=True)
class Wanted:
    documents: tuple[RenderedVirtualIP, ...]
    """By name."""
    readiness_port: int | None
    endpoints: Mapping[ServiceUpstream, tuple[Endpoint, ...]] = field(default_factory=dict)
    certificates: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Content by file name, with private keys: never in a log."""
    incomplete: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Documents that can't be tried yet, by name: the field, and what is missing."""
    paths: NginxPaths = field(default_factory=NginxPaths)

    def render(self, chosen: Iterable[RenderedVirtualIP] | None = None) -> NginxConfiguration:
        """Of the `chosen` documents (in whatever form of them), or of all."""
        documents = self.documents if chosen is None else chosen
        return render_nginx(documents, self.endpoints, self.readiness_port, self.paths)

    def incomplete_documents(self) -> Iterator[tuple[RenderedVirtualIP, str, str]]:
        for name, (path, reason) in self.incomplete.items():
            if (document := self.document(name)) is not None:
                yield document, path, reason

    def document(self, name: str) -> RenderedVirtualIP | None:
        return next((document for document in self.documents if document.name == name), None)
