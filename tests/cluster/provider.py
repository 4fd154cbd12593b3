"""Where the tools and the node image come from; the one thing that differs by machine.

`docker` and `podman`: an engine that answers and a registry that gives the base image of the Dockerfile, with kind,
kubectl and helm on the PATH; all is used as it is. `local`: none of that, but root on Debian; everything is built
here (`provider_local.py`). VIPKEEPER_PROVIDER chooses by hand.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from typing import Protocol

from tests.cluster import machine
from tests.cluster.commands import succeeds
from tests.cluster.errors import ClusterError
from tests.cluster.paths import ROOT, Paths
from tests.cluster.progress import Progress
from tests.cluster.provider_local import LocalProvider
from tests.cluster.provider_ready import ReadyProvider

TOOLS = ("kind", "kubectl", "helm")


class Provider(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def engine(self) -> str:
        """docker or podman: their `inspect`, `exec`, `pause` and `network inspect` agree in all that is used here."""

    @property
    def builder(self) -> list[str]:
        """The beginning of the command that builds a Dockerfile."""

    def prepare(self) -> str | None:
        """Everything that takes long and needs no cluster. Returns the node image, None for kind's own."""

    def environment(self) -> dict[str, str]:
        """For kind, the engine, kubectl and helm."""

    def host_prefix(self) -> list[str]:
        """The beginning of every command that must see the bridge of the nodes and the kubeconfig's 127.0.0.1."""

    def begin(self) -> None:
        """What must be there before kind starts."""

    def release(self) -> None:
        """Before kind deletes: what is frozen cannot die."""

    def finish(self) -> None:
        """After kind has gone: removes everything that `begin` and a crashed run may have left."""


def make(name: str, paths: Paths, progress: Progress) -> Provider:
    match name:
        case "docker" | "podman":
            return ReadyProvider(name, paths)
        case "local":
            return LocalProvider(paths, progress)
    raise ClusterError(f"no provider is called {name!r}: docker, podman or local")


def detect(environ: Mapping[str, str], say: Callable[[str], None]) -> str:
    """The name of the provider. Why it is none of the quick ones is said, because `local` takes its time."""
    if chosen := environ.get("VIPKEEPER_PROVIDER"):
        return chosen
    why_not = []
    for engine in ("docker", "podman"):
        reason = _why_not_ready(engine)
        if reason is None:
            return engine
        why_not.append(f"{engine}: {reason}")
    if machine.is_root() and machine.this_debian_suite():
        say(f"tools and node image are built on this machine, because of {'; '.join(why_not)}")
        return "local"
    raise ClusterError(
        "no cluster can be made on this machine:\n  " + "\n  ".join(why_not) + "\n  local: needs root on Debian"
    )


def _why_not_ready(engine: str) -> str | None:
    if not shutil.which(engine):
        return "not on the PATH"
    if absent := [tool for tool in TOOLS if not shutil.which(tool)]:
        return f"{', '.join(absent)} not on the PATH"
    if not succeeds([engine, "info"], timeout_s=15):
        return "its engine does not answer"
    image = dockerfile_base(os.environ, (ROOT / "Dockerfile").read_text())
    here = succeeds([engine, "image", "inspect", image])
    if not here and not succeeds([engine, "pull", "--quiet", image], timeout_s=300):
        return f"cannot pull {image}"
    return None


def dockerfile_base(environ: Mapping[str, str], dockerfile: str) -> str:
    found = re.search(r"^ARG BASE_IMAGE=(\S+)", dockerfile, re.MULTILINE)
    if not found:
        raise ClusterError("the Dockerfile has no `ARG BASE_IMAGE=`")
    return environ.get("BASE_IMAGE", found[1])
