"""What kopf calls: each event of a watch becomes one line to the reconciler. Nothing is decided here.

Only `on.event`: it needs no finalizer and no annotation on users' objects, so a VirtualIP can be deleted with the
operator down, and kopf writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import kopf

from vipkeeper.controller.kinds import WATCHED, Kind

Handler = Callable[..., Any]


class Listener(Protocol):
    """Who is told."""

    def observe(self, kind: Kind, value: Mapping[str, Any]) -> None: ...

    def forget(self, kind: Kind, value: Mapping[str, Any]) -> None: ...

    def relisted(self) -> None: ...


def register(registry: kopf.OperatorRegistry, listener: Listener) -> None:
    """A handler for each kind that is watched, and the login with the official client's configuration."""
    for kind in WATCHED:
        kopf.on.event(kind.group, kind.version, kind.plural, id=kind.plural, registry=registry)(
            event_handler(kind, listener)
        )
    kopf.on.login(registry=registry)(kopf.login_via_client)


def event_handler(kind: Kind, listener: Listener) -> Handler:
    async def handle(event: Mapping[str, Any], **_: Any) -> None:
        if event["type"] == "DELETED":
            listener.forget(kind, event["object"])
            return
        if event["type"] is None:
            listener.relisted()
        listener.observe(kind, event["object"])

    return handle
