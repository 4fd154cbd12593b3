"""List, then watch, for ever: the one primitive by which the agent learns of anything in the API server.

What a consumer is told is complete: after `Listed` it knows everything, each `Changed` and `Deleted` keeps it so, and
a gap in the stream (410 Gone) leads to a new `Listed`. While the API server is away nothing is said but
`Unreachable`; the consumer keeps what it has. A connection that went silent is noticed three ways: by the kernel's
keep-alive, by the server, which ends every watch after WATCH_S, and by our own read timeout somewhat later.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vipkeeper.agent.kube_api import ApiRefused, ApiUnreachable, KubeApi, Stream
from vipkeeper.threads.start import start_thread

WATCH_S = 45
READ_TIMEOUT_S = 55.0
FIRST_DELAY_S = 0.2
MOST_DELAY_S = 1.5
REFUSED_DELAY_S = 5.0
"""After 403 and the like: a person has to change something first."""

log = logging.getLogger("agent.watch")


@dataclass(frozen=True, slots=True)
class Listed:
    """These are all objects."""

    items: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """Made or changed."""

    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deleted:
    """Deleted, or no longer selected."""

    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The API server did not answer. Nothing is known from here on."""


@dataclass(frozen=True, slots=True)
class Reached:
    """It answers again, after `Unreachable`; nothing was missed."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server does not let us look (403), or knows no such thing (404)."""

    reason: str


WatchEvent = Listed | Changed | Deleted | Unreachable | Reached | Refused


class Gap(Exception):
    """The server no longer has all changes since our resource version."""


class Watch:
    """A thread that tells `tell` (called in that thread; it must not block) until `stop`."""

    def __init__(
        self, api: KubeApi, path: str, selectors: Mapping[str, str], tell: Callable[[WatchEvent], None]
    ) -> None:
        self._api = api
        self._path = path
        self._selectors = dict(selectors)
        self._tell = tell
        self._stopped = threading.Event()
        self._stream: Stream | None = None
        self._version = ""
        self._trouble = ""
        self._jitter = random.Random()
        start_thread(f"watch {path}", self._run)

    def stop(self) -> None:
        """Nothing more is told after this, and the connection is given up."""
        self._stopped.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _run(self) -> None:
        delay_s = FIRST_DELAY_S
        while not self._stopped.is_set():
            began_s = time.monotonic()
            try:
                if not self._version:
                    self._list()
                self._follow()
                self._well()
            except Gap:
                self._version = ""
            except ApiUnreachable as error:
                self._unwell(str(error), Unreachable())
            except ApiRefused as error:
                self._version = ""
                if error.status not in (410, 429) and error.status < 500:
                    self._unwell(str(error), Refused(str(error)))
                    self._stopped.wait(REFUSED_DELAY_S)
                elif error.status != 410:
                    self._unwell(str(error), Unreachable())
            if time.monotonic() - began_s > 2.0:
                delay_s = FIRST_DELAY_S
            self._stopped.wait(delay_s * self._jitter.uniform(0.7, 1.0))  # agents must not come back in step
            delay_s = min(delay_s * 2, MOST_DELAY_S)

    def _list(self) -> None:
        items, self._version = self._api.list(self._path, self._selectors)
        self._well()
        self._say(Listed(tuple(items)))

    def _follow(self) -> None:
        query = self._selectors | {
            "watch": "1",
            "resourceVersion": self._version,
            "timeoutSeconds": str(WATCH_S),
            "allowWatchBookmarks": "true",
        }
        stream = self._api.watch(self._path, query, READ_TIMEOUT_S)
        self._well()
        self._stream = stream
        if self._stopped.is_set():  # `stop` came before it could see this stream
            stream.close()
        for line in stream.lines():
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind, item = event["type"], event["object"]
        except (ValueError, KeyError, TypeError) as error:
            raise ApiUnreachable(f"watch: half a line ({error})") from error
        if kind == "ERROR":
            if item.get("code") == 410:
                raise Gap
            self._version = ""
            raise ApiUnreachable(f"watch: {item.get('message', item)}")
        self._version = item["metadata"]["resourceVersion"]
        if kind in ("ADDED", "MODIFIED"):
            self._say(Changed(item))
        elif kind == "DELETED":
            self._say(Deleted(item))

    def _say(self, event: WatchEvent) -> None:
        if not self._stopped.is_set():
            self._tell(event)

    def _well(self) -> None:
        if self._trouble:
            log.info("watch %s: back", self._path)
            self._trouble = ""
            self._say(Reached())

    def _unwell(self, trouble: str, event: WatchEvent) -> None:
        if self._stopped.is_set():
            return
        if not self._trouble:
            log.warning("watch %s: %s", self._path, trouble)
        self._trouble = trouble
        self._say(event)
