"""Debian packages that the local way needs. Installing is announced before it is done, and only what is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.cluster import machine
from tests.cluster.commands import output_of, run_logged
from tests.cluster.errors import ClusterError
from tests.cluster.progress import Progress

NEEDED = {
    "podman": "kind's provider",
    "netavark": "podman's network",
    "aardvark-dns": "workers find the control plane by name",
    "buildah": "builds the project image",
    "containerd": "fills the node image with the control plane's images",
    "runc": "runs containers",
    "containernetworking-plugins": "podman asks for it",
    "mmdebstrap": "the root file systems of the images",
    "busybox-static": "the shell of the network agent's image",
    "nftables": "partitions between nodes",
    "iproute2": "namespaces and links",
    "ca-certificates": "downloads",
}


def missing(installed_output: str) -> list[str]:
    """Names of NEEDED without an `ii ` line in the output of dpkg-query."""
    installed = {line.split()[1].split(":")[0] for line in installed_output.splitlines() if line.startswith("ii ")}
    return [name for name in NEEDED if name not in installed]


def ensure(progress: Progress) -> None:
    listed = output_of(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"])
    absent = missing(listed)
    if not absent:
        return
    if not machine.is_root() or machine.this_debian_suite() is None or not shutil.which("apt-get"):
        raise ClusterError(f"these Debian packages are needed: {' '.join(absent)} (and root on Debian to install them)")
    progress.say("these Debian packages will be installed now:")
    for name in absent:
        progress.say(f"    {name}: {NEEDED[name]}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with progress.step("installing Debian packages") as log:
        if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
            run_logged(["apt-get", "update"], log, env=env, alive=progress.sign_of_life)
        install = ["apt-get", "install", "-y", "--no-install-recommends", *absent]
        run_logged(install, log, env=env, alive=progress.sign_of_life)
