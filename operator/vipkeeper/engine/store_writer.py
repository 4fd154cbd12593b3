"""Writes documents and secrets for the guard in a short-lived child, so that a slow disk never keeps the guard from restarting a
dead engine. One child at a time; what comes meanwhile goes to the next, and of one document only the newest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from vipkeeper.engine.document_store import delete_document, write_document, write_owner
from vipkeeper.engine.secret_store import write_secrets
from vipkeeper.ipc.rendered import RenderedVirtualIP


class StoreWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted: dict[str, RenderedVirtualIP | None] = {}
        self._secrets: Mapping[str, bytes] | None = None
        self._owner = ""
        self._child = 0

    @property
    def busy(self) -> bool:
        return bool(self._child)

    def write(self, name: str, document: RenderedVirtualIP | None) -> None:
        """None: delete it."""
        self._wanted[name] = document
        self._start()

    def write_secrets(self, values: Mapping[str, bytes]) -> None:
        """All that there are."""
        self._secrets = dict(values)
        self._start()

    def write_owner(self, pod: str) -> None:
        """After the documents that were asked for before: they are those of `pod` now."""
        self._owner = pod
        self._start()

    def reaped(self, child: int) -> None:
        if child == self._child:
            self._child = 0
            self._start()

    def _start(self) -> None:
        if self._child or not (self._wanted or self._owner or self._secrets is not None):
            return
        work, self._wanted = self._wanted, {}
        secrets, self._secrets = self._secrets, None
        owner, self._owner = self._owner, ""
        self._child = os.fork()
        if self._child:
            return
        status = 1
        try:
            if secrets is not None:  # before the documents that need them
                write_secrets(self._folder, secrets)
            for name, document in work.items():
                if document is None:
                    delete_document(self._folder, name)
                else:
                    write_document(self._folder, document)
            if owner:
                write_owner(self._folder, owner)
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(status)
