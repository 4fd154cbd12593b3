"""Secrets of a host without Kubernetes: files, read when the run starts and on SIGHUP. Contents are never told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.secret_kinds import problem_of
from vipkeeper.spec.secrets import SecretUse

SECRET_REF = (
    "there is no API server that could be asked for a Secret; write `file`, relative to the folder of this file"
)
_FOR_OTHERS = 0o007
MAX_BYTES = 1 << 16


def problems(uses: Iterable[SecretUse]) -> Iterator[str]:
    """Every reference that can't serve, as `path: reason`."""
    told: set[str] = set()
    for use in uses:
        if use.file is None:
            if use.path not in told:  # of a certificate, and of its key
                yield f"{use.path}.secretRef: {SECRET_REF}"
            told.add(use.path)
            continue
        try:
            problem = problem_of(use.kind, _read(use.file))
        except OSError as error:
            problem = error.strerror or "can't be read"
        if problem:
            yield f"{use.path}.file: {use.file}: {problem}"


def read_values(references: Iterable[str]) -> dict[str, bytes]:
    """By reference, which is the file's path. One that has just vanished is left out."""
    values = {}
    for reference in sorted(set(references)):
        try:
            values[reference] = _read(reference)
        except OSError:
            pass
    return values


def readable_by_others(documents: Iterable[RenderedVirtualIP]) -> list[str]:
    """Files whose mode lets everybody on this host read or change them."""
    files = sorted({reference for document in documents for reference in document.secrets})
    return [file for file in files if Path(file).exists() and Path(file).stat().st_mode & _FOR_OTHERS]


def _read(file: str) -> bytes:
    with Path(file).open("rb") as opened:
        return opened.read(MAX_BYTES)
