"""Services and EndpointSlices of the upstreams: two watches for each namespace that an upstream names.

Slices are watched by label, for the wanted Services only; Services have no selector by several names, so a namespace
with more than one wanted is watched as a whole and the others are dropped at once. An upstream is *unknown* until
both were listed: nobody may take that for "no endpoints" (an agent that starts while the API server is away would
overwrite a good configuration). A refusal (no such permission) is an answer: no endpoints.

Not a thread: `wants`, `heard` and `endpoints` belong to the one thread that owns it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vipkeeper.agent.endpoints import resolve
from vipkeeper.agent.kube_api import KubeApi, namespaced
from vipkeeper.agent.kube_watch import Changed, Deleted, Listed, Refused, Watch, WatchEvent
from vipkeeper.ipc.rendered_nginx import ServiceUpstream
from vipkeeper.render.nginx_upstream import Endpoint

SERVICE_NAME_LABEL = "kubernetes.io/service-name"

log = logging.getLogger("agent.services")


class Objects:
    """What one watch has told, by object name."""

    def __init__(self) -> None:
        self.by_name: dict[str, Mapping[str, Any]] = {}
        self.known = False

    def take(self, event: WatchEvent, wanted: Callable[[Mapping[str, Any]], bool]) -> None:
        match event:
            case Listed():
                self.by_name = {item["metadata"]["name"]: item for item in event.items if wanted(item)}
                self.known = True
            case Changed():
                if wanted(event.item):
                    self.by_name[event.item["metadata"]["name"]] = event.item
            case Deleted():
                self.by_name.pop(event.item["metadata"]["name"], None)
            case Refused():
                self.by_name = {}
                self.known = True
            case _:
                pass


@dataclass(slots=True)
class Namespace:
    """What is watched in one namespace for the Services `names`."""

    names: frozenset[str]
    watches: tuple[Watch, Watch]
    services: Objects = field(default_factory=Objects)
    slices: Objects = field(default_factory=Objects)

    def stop(self) -> None:
        for watch in self.watches:
            watch.stop()


@dataclass(frozen=True, slots=True)
class ServicesEvent:
    """To be given back to `heard` by the owner's thread."""

    namespace: str
    names: frozenset[str]
    """Of the watch that told: an older one is not listened to."""
    plural: str
    event: WatchEvent


class ServicesWatch:
    def __init__(self, api: KubeApi, tell: Callable[[ServicesEvent], None]) -> None:
        self._api = api
        self._tell = tell
        self._namespaces: dict[str, Namespace] = {}
        self._last: dict[ServiceUpstream, tuple[Endpoint, ...]] = {}

    def wants(self, upstreams: Iterable[ServiceUpstream]) -> None:
        """Watch these and no others."""
        wanted: dict[str, set[str]] = {}
        for upstream in upstreams:
            wanted.setdefault(upstream.namespace, set()).add(upstream.name)
        for namespace in self._namespaces.keys() - wanted.keys():
            self._namespaces.pop(namespace).stop()
        for namespace, names in wanted.items():
            known = self._namespaces.get(namespace)
            if known is None or known.names != names:
                if known is not None:
                    known.stop()
                self._namespaces[namespace] = self._open(namespace, frozenset(names))

    def heard(self, event: ServicesEvent) -> bool:
        """Take in what a watch told. True when endpoints may have changed."""
        here = self._namespaces.get(event.namespace)
        if here is None or here.names != event.names:
            return False
        if isinstance(event.event, Refused):
            log.error("upstreams in namespace %s have no endpoints: %s", event.namespace, event.event.reason)
        if event.plural == "services":
            here.services.take(event.event, lambda item: item["metadata"]["name"] in here.names)
        else:
            here.slices.take(event.event, lambda item: _service_of(item) in here.names)
        return True

    def endpoints(self, upstreams: Iterable[ServiceUpstream]) -> dict[ServiceUpstream, tuple[Endpoint, ...]] | None:
        """Endpoints of all `upstreams`; None while those of any one are unknown."""
        result = {}
        for upstream in upstreams:
            found = self._resolve(upstream)
            if found is None:
                return None
            result[upstream] = found
        self._last = result
        return result

    def _resolve(self, upstream: ServiceUpstream) -> tuple[Endpoint, ...] | None:
        here = self._namespaces.get(upstream.namespace)
        if here is None or not (here.services.known and here.slices.known):
            return self._last.get(upstream)  # a watch that was just widened: what was true a moment ago
        slices = [item for item in here.slices.by_name.values() if _service_of(item) == upstream.name]
        return resolve(here.services.by_name.get(upstream.name), slices, upstream.port, upstream.protocol)

    def _open(self, namespace: str, names: frozenset[str]) -> Namespace:
        def teller(plural: str) -> Callable[[WatchEvent], None]:
            return lambda event: self._tell(ServicesEvent(namespace, names, plural, event))

        one = {"fieldSelector": f"metadata.name={next(iter(names))}"} if len(names) == 1 else {}
        by_label = {"labelSelector": f"{SERVICE_NAME_LABEL} in ({','.join(sorted(names))})"}
        services = Watch(self._api, namespaced("v1", namespace, "services"), one, teller("services"))
        path = namespaced("discovery.k8s.io/v1", namespace, "endpointslices")
        slices = Watch(self._api, path, by_label, teller("endpointslices"))
        return Namespace(names, (services, slices))


def _service_of(item: Mapping[str, Any]) -> str:
    return str((item["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL, ""))
