"""Where a vanished document went: asked of the API server by name, until it answers.

The watch by label tells only that a document is no longer ours. Both ends of the question (deleted? moved?) matter
to people's traffic, so nothing is decided while the API server is away.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from vipkeeper.agent.documents import Whereabouts, whereabouts
from vipkeeper.agent.kube_api import ApiRefused, ApiUnreachable, KubeApi, namespaced
from vipkeeper.agent.kube_watch import Watch, WatchEvent
from vipkeeper.agent.settings import Settings
from vipkeeper.spec.names import configmap_name, placement_selector
from vipkeeper.threads.start import start_thread

RETRY_S = 1.0


def watch_documents(api: KubeApi, settings: Settings, tell: Callable[[WatchEvent], None]) -> Watch:
    path = namespaced("v1", settings.namespace, "configmaps")
    return Watch(api, path, {"labelSelector": placement_selector(settings.placement)}, tell)


class LookUps:
    """A thread that calls `tell(name, whereabouts)` for every name asked for."""

    def __init__(self, api: KubeApi, settings: Settings, tell: Callable[[str, Whereabouts], None]) -> None:
        self._api = api
        self._settings = settings
        self._tell = tell
        self._names: queue.SimpleQueue[str] = queue.SimpleQueue()
        start_thread("look-ups", self._run)

    def ask(self, name: str) -> None:
        self._names.put(name)

    def _run(self) -> None:
        while True:
            name = self._names.get()
            self._tell(name, self._find(name))

    def _find(self, name: str) -> Whereabouts:
        path = namespaced("v1", self._settings.namespace, "configmaps", configmap_name(name))
        while True:
            try:
                return whereabouts(self._api.get(path), self._settings.node, self._settings.placement)
            except ApiUnreachable:
                pass
            except ApiRefused as error:
                if error.status == 404:
                    return Whereabouts.DELETED
            time.sleep(RETRY_S)
