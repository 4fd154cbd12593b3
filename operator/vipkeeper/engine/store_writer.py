"""Writes documents for the guard in a short-lived child, so that a slow disk never keeps the guard from restarting a
dead engine. One child at a time; what comes meanwhile goes to the next, and of one document only the newest.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from vipkeeper.engine.document_store import delete_document, write_document, write_owner
from vipkeeper.ipc.rendered import RenderedVirtualIP


class StoreWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted: dict[str, RenderedVirtualIP | None] = {}
        self._owner = ""
        self._child = 0

    @property
    def busy(self) -> bool:
        return bool(self._child)

    def write(self, name: str, document: RenderedVirtualIP | None) -> None:
        """None: delete it."""
        self._wanted[name] = document
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
        if self._child or not (self._wanted or self._owner):
            return
        work, self._wanted = self._wanted, {}
        owner, self._owner = self._owner, ""
        self._child = os.fork()
        if self._child:
            return
        status = 1
        try:
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
