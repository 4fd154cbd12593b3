"""The documents in the state folder: `documents/<name>.json`, the last good ones, from which a speaker boots alone.

A broken file is reported and skipped; a full or read-only disk is reported, and the engine goes on with what is in memory.
"""

from __future__ import annotations

import json
from pathlib import Path

from vipkeeper.engine.durable import remove_durably, remove_quietly, write_durably
from vipkeeper.engine.log import warn
from vipkeeper.ipc.rendered import RenderedVirtualIP

_SUFFIX = ".json"
_OWNER = "pod"
"""Beside the documents: the pod that they were confirmed in."""


def read_documents(folder: Path) -> dict[str, RenderedVirtualIP]:
    """Every good document, by name."""
    documents: dict[str, RenderedVirtualIP] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        warn("the state folder can't be read; starting without documents", folder=folder, error=error.strerror)
        return documents
    for name in names:
        if name.startswith("."):  # a write that was cut short
            remove_quietly(folder / name)
        elif name.endswith(_SUFFIX):
            document = _read(folder / name)
            if document is not None:
                documents[document.name] = document
    return documents


def read_owner(folder: Path) -> str:
    """The pod that has left the documents here; "" when nobody said so."""
    try:
        return (folder / _OWNER).read_text().strip()
    except OSError:
        return ""


def write_owner(folder: Path, pod: str) -> bool:
    aside = folder / f".{_OWNER}"
    try:
        aside.write_text(pod)
        aside.rename(folder / _OWNER)
    except OSError as error:
        warn("the pod's name can't be kept in the state folder", folder=folder, error=error.strerror)
        return False
    return True


def write_document(folder: Path, document: RenderedVirtualIP) -> bool:
    """Durably. False when it could not be done; the reason is logged."""
    try:
        write_durably(folder / f"{document.name}{_SUFFIX}", json.dumps(document.to_json(), indent=1).encode())
    except OSError as error:
        warn("a document can't be kept in the state folder", vip=document.name, folder=folder, error=error.strerror)
        return False
    return True


def delete_document(folder: Path, name: str) -> bool:
    try:
        remove_durably(folder / f"{name}{_SUFFIX}")
    except OSError as error:
        warn("a document can't be removed from the state folder", vip=name, folder=folder, error=error.strerror)
        return False
    return True


def _read(path: Path) -> RenderedVirtualIP | None:
    try:
        document = RenderedVirtualIP.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:  # BadDocument and JSONDecodeError are ValueErrors
        warn("a document in the state folder is broken; going on without it", file=path, error=error)
        return None
    if path.name != f"{document.name}{_SUFFIX}":
        warn("a document in the state folder has another one's name; going on without it", file=path)
        return None
    return document
