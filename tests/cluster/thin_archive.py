"""An image archive without the layers that the nodes have already, so that a change of one Python file loads in a second.

containerd unpacks a layer only where its chain of parents is not there yet. So a layer that was loaded before, with
all those under it, may be an empty tar in the archive: nobody reads it. Where that is wrong after all, the digest of
the empty tar does not match the configuration, the load fails, and the caller loads the whole archive.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

EMPTY_TAR = bytes(1024)


def layers_of(archive: Path) -> list[str]:
    """The digests of the unpacked layers, the lowest first."""
    with tarfile.open(archive) as tar:
        manifest = _read(tar, "manifest.json")
        diff_ids: list[str] = _read(tar, manifest[0]["Config"])["rootfs"]["diff_ids"]
    return diff_ids


def known_prefix(layers: list[str], loaded: list[str]) -> int:
    """How many layers from the bottom are the same."""
    count = 0
    for one, other in zip(layers, loaded, strict=False):
        if one != other:
            break
        count += 1
    return count


def write_thin(archive: Path, thin: Path, known: int) -> None:
    """A copy whose `known` lowest layers are empty."""
    with tarfile.open(archive) as source, tarfile.open(thin, "w") as target:
        manifest = _read(source, "manifest.json")
        files: list[str] = manifest[0]["Layers"]
        left_out = set(files[:known]) - set(files[known:])
        wanted = {"manifest.json", manifest[0]["Config"], *files}
        for entry in source:
            if entry.name in left_out:
                empty = tarfile.TarInfo(entry.name)
                empty.size = len(EMPTY_TAR)
                target.addfile(empty, io.BytesIO(EMPTY_TAR))
            elif entry.name in wanted:
                target.addfile(entry, source.extractfile(entry))


def _read(tar: tarfile.TarFile, name: str) -> Any:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return json.load(file)
