"""Root file systems of Debian packages, the ground on which the local provider's images stand.

Keyed by the list of packages: the file system of yesterday is good enough for a test cluster, a new list is a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.cluster import machine
from tests.cluster.commands import run_logged
from tests.cluster.content_key import content_key
from tests.cluster.errors import ClusterError
from tests.cluster.paths import Paths
from tests.cluster.progress import Progress

LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
NO_PERL = "usr-is-merged"
"""Debian's word that /bin is in /usr already. The other package that says so comes first, and brings 50 MB of perl."""
PURGE_PERL = (
    '--customize-hook=chroot "$1" sh -c \'dpkg-query -Wf "\\${Package}\\n"'
    ' | grep -E "^usrmerge$|^perl$|^perl-modules|^libperl|-perl$" | xargs -r apt-get purge --yes\''
)
RECIPE = "2: minbase without documentation and perl"


@dataclass(frozen=True, slots=True)
class Base:
    name: str
    packages: tuple[str, ...]

    @property
    def key(self) -> str:
        return content_key(RECIPE, machine.this_debian_suite() or "", *self.packages)


NODE = Base(
    "node",
    (
        "systemd",
        "systemd-sysv",
        "dbus",
        "conntrack",
        "iptables",
        "nftables",
        "iproute2",
        "ethtool",
        "util-linux",
        "mount",
        "kmod",
        "libseccomp2",
        "pigz",
        "bash",
        "ca-certificates",
        "curl",
        "jq",
        "procps",
        "containerd",
        "runc",
        "containernetworking-plugins",
        "tcpdump",
        "iputils-ping",
        "python3-minimal",
    ),
)
PYTHON = Base("python", ("python3", "python3-venv", "ca-certificates", NO_PERL))
NGINX = Base("nginx", ("nginx", "libnginx-mod-stream", NO_PERL))


def ensure(base: Base, paths: Paths, progress: Progress) -> Path:
    """The tar of the root file system."""
    archive = paths.cache / "bases" / f"{base.name}-{base.key}.tar"
    if archive.exists():
        return archive
    suite = machine.this_debian_suite()
    if not suite:
        raise ClusterError("images can be built here on Debian only; elsewhere use docker or podman with a registry")
    archive.parent.mkdir(parents=True, exist_ok=True)
    making = archive.with_name(f".{archive.name}")
    without = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    include = f"--include={','.join(base.packages)}"
    with progress.step(f"root file system of the {base.name} image") as log:
        bootstrap = ["nice", "mmdebstrap", "--format=tar", "--variant=minbase", include, *without]
        if NO_PERL in base.packages:
            bootstrap.append(PURGE_PERL)
        bootstrap += [suite, str(making)]
        run_logged(bootstrap, log, alive=progress.sign_of_life)
    for old in archive.parent.glob(f"{base.name}-*.tar"):
        old.unlink()
    making.replace(archive)
    return archive
