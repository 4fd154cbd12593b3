"""The local provider's podman: a store, networks and volumes of its own, cgroups without systemd.

Its files are put there before every use, so that a cache folder can be moved or deleted between two clusters.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import machine
from tests.cluster.commands import output_of, run
from tests.cluster.paths import CLUSTER_NAME, HERE, Paths

CONTAINERS = """\
[engine]
cgroup_manager = "cgroupfs"
runtime = "{runtime}"
events_logger = "file"
lock_type = "file"
tmp_dir = "{run}/libpod"
volume_path = "{store}/volumes"

[engine.runtimes]
reduced = ["{wrapper}"]

[network]
network_backend = "netavark"
network_config_dir = "{store}/networks"
"""

STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{store}/graph"
runroot = "{run}/storage"

[storage.options.overlay]
skip_mount_home = "true"
"""


def environment(paths: Paths) -> dict[str, str]:
    """The variables under which podman, buildah and kind work on our store. Writes the files that they name."""
    for folder in (paths.store / "networks", paths.run):
        folder.mkdir(parents=True, exist_ok=True)
    wrapper = paths.store / "runc-wrapper"
    _put(wrapper, (HERE / "node/runc-wrapper").read_text(), mode=0o755)
    values = {
        "runtime": "runc" if machine.may_raise_limits() else "reduced",
        "run": paths.run,
        "store": paths.store,
        "wrapper": wrapper,
    }
    _put(paths.store / "containers.conf", CONTAINERS.format(**values))
    _put(paths.store / "storage.conf", STORAGE.format(**values))
    return {
        **os.environ,
        "CONTAINERS_CONF": str(paths.store / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(paths.store / "storage.conf"),
        "KIND_EXPERIMENTAL_PROVIDER": "podman",
        "KIND_CLUSTER_NAME": CLUSTER_NAME,
        "TMPDIR": str(_temporary(paths)),
    }


def _put(file: Path, content: str, mode: int = 0o644) -> None:
    """Whole or not at all: another run may be reading, or executing, it at this moment."""
    if file.exists() and file.read_text() == content:
        return
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}-", delete=False) as fresh:
        fresh.write(content)
    Path(fresh.name).chmod(mode)
    Path(fresh.name).replace(file)


def forget_other_tags(name: str, env: Mapping[str, str]) -> None:
    """Older builds of the same image. podman refuses to remove one that a container still runs from."""
    repository, _, _ = name.rpartition(":")
    listed = output_of(["podman", "images", "--format", "{{.Repository}}:{{.Tag}}", repository], env=env)
    for other in set(listed.split()) - {name}:
        run(["podman", "rmi", other], env=env)


def _temporary(paths: Paths) -> str:
    folder = paths.work / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
