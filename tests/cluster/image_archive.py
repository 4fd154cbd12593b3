"""Writes an image of one layer as a docker-archive, the format that `ctr images import` and `kind load` read.

An image of a static program needs no builder: a tar of files, a configuration, a manifest. Times and owners are
zeroed, so the same files give the same image.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

GO_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def write_image(archive: Path, name: str, root: Path, entrypoint: list[str]) -> None:
    layer = archive.with_suffix(".layer")
    try:
        with tarfile.open(layer, "w") as tar:
            tar.add(root, arcname=".", filter=_anonymous)
        with layer.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        configuration = json.dumps(image_configuration(digest, entrypoint), sort_keys=True).encode()
        config_name = hashlib.sha256(configuration).hexdigest() + ".json"
        manifest = [{"Config": config_name, "RepoTags": [name], "Layers": ["layer.tar"]}]
        with tarfile.open(archive, "w") as tar:
            _add_bytes(tar, config_name, configuration)
            tar.add(layer, arcname="layer.tar", filter=_anonymous)
            _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
    finally:
        layer.unlink(missing_ok=True)


def image_configuration(layer_digest: str, entrypoint: list[str]) -> dict[str, object]:
    epoch = "1970-01-01T00:00:00Z"
    return {
        "architecture": GO_ARCH.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": epoch,
        "config": {"Env": [PATH], "Entrypoint": entrypoint},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        "history": [{"created": epoch, "created_by": "vipkeeper tests/cluster"}],
    }


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
