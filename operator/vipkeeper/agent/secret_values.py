"""The Secret of this placement: what it holds, and what of it the engine needs. Values never reach a log or a status.

The operator writes it; it may come before or after the documents that refer to it. While it was not seen yet nothing
is said, so that an engine that boots from its state folder keeps what it has.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vipkeeper.agent.kube_api import KubeApi, namespaced
from vipkeeper.agent.kube_watch import Changed, Deleted, Listed, Refused, Watch, WatchEvent
from vipkeeper.agent.settings import Settings
from vipkeeper.ipc.messages import Secrets
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.names import placement_secret_name


def watch_secret(api: KubeApi, settings: Settings, tell: Callable[[WatchEvent], None]) -> Watch:
    """By its name: the Role allows no more."""
    selector = f"metadata.name={placement_secret_name(settings.placement)}"
    return Watch(api, namespaced("v1", settings.namespace, "secrets"), {"fieldSelector": selector}, tell)


class SecretValues:
    def __init__(self) -> None:
        self._values: Mapping[str, bytes] | None = None
        self._told: Secrets | None = None
        self._refused = False

    def take(self, event: WatchEvent) -> None:
        match event:
            case Listed(items):
                self._values = _values(items[0]) if items else {}
            case Changed(item):
                self._values = _values(item)
            case Deleted():
                self._values = {}
            case Refused():
                self._refused = True
            case _:
                pass

    @property
    def known(self) -> bool:
        """The API server has answered, be it with no."""
        return self._values is not None or self._refused

    def value(self, reference: str) -> bytes | None:
        """None: it is not there (yet)."""
        return None if self._values is None else self._values.get(reference)

    def news(self, documents: Iterable[RenderedVirtualIP], node: str) -> Secrets | None:
        """What the engine of `node` needs for `documents`, when that differs from what it was told last."""
        if self._values is None:
            return None
        needed = {reference for item in documents if node in item.nodes for reference in item.engine_secrets}
        secrets = Secrets({name: self._values[name] for name in sorted(needed & self._values.keys())})
        nothing_to_say = self._told is None and not needed
        if secrets == self._told or nothing_to_say:
            return None
        self._told = secrets
        return secrets

    def told_nothing(self) -> None:
        """The engine is another one."""
        self._told = None


def _values(secret: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: a2b_base64(text) for name, text in (secret.get("data") or {}).items()}
