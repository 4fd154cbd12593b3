"""Writes the VRRPSpeaker: always the newest status, as soon as the API server takes it, and nothing when it has it.

While the API server is away only the newest wanted status is kept. Once in CHECK_S the object is read: somebody may
have deleted or changed it. Reading is free; a write that changes nothing is not made.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from vipkeeper.agent.kube_api import ApiRefused, ApiUnreachable, KubeApi, namespaced
from vipkeeper.agent.settings import Settings
from vipkeeper.spec.names import API_VERSION, SPEAKER_KIND, SPEAKER_PLURAL, speaker_name
from vipkeeper.spec.speaker import speaker_object
from vipkeeper.threads.start import start_thread

COALESCE_S = 0.05
FIRST_RETRY_S = 0.3
MOST_RETRY_S = 2.0
CHECK_S = 60.0

log = logging.getLogger("agent.speaker")

Status = dict[str, Any]


class SpeakerWriter:
    """A thread. `want` may be called from any other and never blocks."""

    def __init__(self, api: KubeApi, settings: Settings) -> None:
        self._api = api
        self._name = speaker_name(settings.placement, settings.node)
        self._path = namespaced(API_VERSION, settings.namespace, SPEAKER_PLURAL, self._name)
        self._object = speaker_object(settings.node, settings.placement, settings.namespace)
        self._changed = threading.Condition()
        self._wanted: Status | None = None
        self._written: Status | None = None
        self._stored: Any = None
        """What the API server made of it: it may know fewer members than we do."""
        self._trouble = ""
        start_thread("speaker-writer", self._run)

    def want(self, status: Status) -> None:
        with self._changed:
            self._wanted = status
            self._changed.notify()

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            with self._changed:
                changed = self._changed.wait_for(lambda: self._wanted != self._written, CHECK_S)
            try:
                if changed:
                    time.sleep(COALESCE_S)
                    self._write()
                elif self._written is not None:
                    self._check()
                retry_s = FIRST_RETRY_S
                self._trouble = ""
            except (ApiUnreachable, ApiRefused) as error:
                self._note(str(error))
                time.sleep(retry_s)
                retry_s = min(retry_s * 2, MOST_RETRY_S)

    def _write(self) -> None:
        status = self._wanted
        assert status is not None
        if self._written is None:
            self._api.apply(self._path, self._object)
        body = {
            "apiVersion": API_VERSION,
            "kind": SPEAKER_KIND,
            "metadata": {"name": self._name, "namespace": self._object["metadata"]["namespace"]},
            "status": status,
        }
        try:
            self._stored = self._api.apply(f"{self._path}/status", body).get("status")
        except ApiRefused as error:
            if error.status == 404:
                self._written = None  # deleted by somebody: make it anew
            raise
        self._written = status

    def _check(self) -> None:
        try:
            found = self._api.get(self._path).get("status")
        except ApiRefused as error:
            if error.status != 404:
                raise
            found = None
        if found != self._stored:
            log.info("VRRPSpeaker %s was changed or deleted by somebody, written anew", self._name)
            self._written = None

    def _note(self, trouble: str) -> None:
        if not self._trouble:
            log.warning("VRRPSpeaker %s can't be written yet: %s", self._name, trouble)
        self._trouble = trouble
