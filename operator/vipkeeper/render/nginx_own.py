"""A user's own nginx.conf, fitted into the one that all VirtualIPs of a node share. Pure.

- What belongs to the process (workers, user, pid, error_log, events, modules) is ours: passed over.
- `listen` without an address (80, *:80, [::]:80) means the VirtualIP's addresses. Others stay as they are.
- In nginx a server inherits what its `http` says and it does not say itself. So what may stand in a server is written
  into each of the user's servers, and nobody else's servers see it. What can't (map, upstream, log_format, zones)
  stays at the level of `http`; names of these must not clash with another VirtualIP's.
- A relative `include` is one of the image's /etc/nginx; those of conf.d and sites-enabled are passed over.

Each directive is marked with its line in the user's text, so nginx's complaint can name it.

Tests: tests/unit/render/test_nginx_own.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crossplane import analyzer

from vipkeeper.ipc.fields import IPAddress
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.render.nginx_directives import Directive, host_port, mark
from vipkeeper.spec import nginx_text

FIELD = "spec.nginx.configMapRef"
_ANYWHERE = re.compile(r"^(?:(?:\*|0\.0\.0\.0|\[::\]):)?(\d+)$")
_OF_THE_SOCKET = ("ipv6only=", "reuseport")
_IMAGE_FOLDER = "/etc/nginx/"
_IMAGE_SITES = ("/etc/nginx/conf.d/", "/etc/nginx/sites-enabled/", "/etc/nginx/modules-enabled/")


@dataclass(frozen=True, slots=True)
class _Level:
    """Of `http` or of `stream`."""

    name: str
    server_bit: int
    """crossplane's: the directive may stand in a server."""


_LEVELS = (_Level("http", analyzer.NGX_HTTP_SRV_CONF), _Level("stream", analyzer.NGX_STREAM_SRV_CONF))


def own_blocks(document: RenderedVirtualIP, level: str) -> list[Directive]:
    """What stands at the level `http` or `stream`."""
    own = document.nginx.own_configuration if document.nginx else None
    if own is None:
        return []
    (here,) = (item for item in _LEVELS if item.name == level)
    addresses = [item.address for item in document.addresses if not item.address.is_link_local]
    found = [item for item in nginx_text.parse(own.text) if item["directive"] == level]
    return [one for item in found for one in _Fitted(document.name, addresses, here).level(item["block"])]


class _Fitted:
    def __init__(self, virtualip: str, addresses: list[IPAddress], level: _Level) -> None:
        self._virtualip, self._addresses, self._level = virtualip, addresses, level

    def level(self, directives: list[Directive]) -> Iterator[Directive]:
        kept = [item for item in directives if not _is_image_site(item)]
        inherited = [item for item in kept if item["directive"] != "server" and self._is_inherited(item)]
        for item in kept:
            if item["directive"] == "server" and "block" in item:
                block = [*self._server(item), *self._not_in(item, inherited)]
                yield from self._marked({**item, "block": block})
            elif item not in inherited:
                yield from self._marked(item)

    def _is_inherited(self, item: Directive) -> bool:
        masks = analyzer.DIRECTIVES.get(item["directive"], [])
        return any(mask & self._level.server_bit for mask in masks)

    def _not_in(self, server: Directive, inherited: list[Directive]) -> list[Directive]:
        """nginx inherits by name: all or none of a name."""
        own = {item["directive"] for item in server["block"]}
        return [item for item in inherited if item["directive"] not in own or item["directive"] == "include"]

    def _server(self, server: Directive) -> Iterator[Directive]:
        seen: set[tuple[str, ...]] = set()
        listens = [item for item in server["block"] if item["directive"] == "listen"]
        if not listens and self._level.name == "http":
            listens = [{"directive": "listen", "args": ["80"], "line": server["line"]}]
        for listen in listens:
            for fitted in self._listens(listen):
                place = (fitted["args"][0], *(word for word in fitted["args"] if word == "udp"))
                if place not in seen:
                    seen.add(place)
                    yield fitted
        yield from (item for item in server["block"] if item["directive"] != "listen")

    def _listens(self, listen: Directive) -> Iterator[Directive]:
        place, *options = listen["args"] or [""]
        port = _ANYWHERE.match(place)
        if port is None:
            yield listen
            return
        options = [word for word in options if not word.startswith(_OF_THE_SOCKET)]
        for address in self._addresses:
            yield {**listen, "args": [host_port(address, int(port[1])), *options]}

    def _marked(self, item: Directive) -> Iterator[Directive]:
        yield mark(self._virtualip, f"{FIELD}:{item['line']}")
        args = item["args"]
        if item["directive"] == "include" and args and not args[0].startswith("/"):
            args = [_IMAGE_FOLDER + args[0]]
        result: Directive = {"directive": item["directive"], "args": args}
        if "block" in item:
            result["block"] = [one for inner in item["block"] for one in self._marked(inner)]
        yield result


def _is_image_site(item: Directive) -> bool:
    return item["directive"] == "include" and bool(item["args"]) and str(item["args"][0]).startswith(_IMAGE_SITES)
