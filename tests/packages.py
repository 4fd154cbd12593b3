"""`python -m tests.packages`: the Debian packages that the suites need, installed where that is possible.

Announced before it is done, and only what is missing. Without root or Debian nothing is installed: the tests that
lack something are skipped and named at the end of the run (tests/conftest.py). The neighbours (keepalived, FRR,
nginx) are started by the tests themselves, never as services of the machine: `policy-rc.d` forbids that meanwhile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDED = {
    "busybox-static": "the nginx sidecar's script with the tools of a small image",
    "curl": "a client of the addresses",
    "frr": "a real VRRP neighbour with virtual MAC addresses (its vrrpd)",
    "iproute2": "network namespaces",
    "iputils-arping": "asks who owns an address",
    "iputils-ping": "asks whether it answers",
    "keepalived": "a real VRRP neighbour",
    "libcap2-bin": "runs the engine with the privileges of a pod",
    "libnginx-mod-stream": "nginx, as the sidecar's image has it",
    "nftables": "firewalls between the test's hosts",
    "nginx": "the real reader of the rendered configuration",
    "procps": "what runs",
    "tcpdump": "what is on the wire",
}

_POLICY = Path("/usr/sbin/policy-rc.d")


def missing() -> list[str]:
    """Names of NEEDED that dpkg does not list as installed."""
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n", *NEEDED],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    installed = {line.split()[1] for line in listed.splitlines() if line.startswith("ii ")}
    return [name for name in NEEDED if name not in installed]


@contextmanager
def _no_services() -> Iterator[None]:
    """Packages installed inside start no service (Debian policy 9.3.3.1); a policy of the machine's own stays."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink()


def install(names: list[str]) -> None:
    """Install `names` with apt-get; the package lists are fetched first when the first try fails for want of them."""
    command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *names]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services():
        if subprocess.run(
            command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        ).returncode:
            subprocess.run(["apt-get", "update", "-q"], env=env, stdout=subprocess.DEVNULL, check=True)
            subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    if shutil.which("dpkg-query") is None:
        print("packages: not Debian; tests that lack a program will be named at the end", file=sys.stderr)
        return
    absent = missing()
    if not absent:
        return
    if os.geteuid() != 0:
        print(f"packages: not root, so these are not installed: {' '.join(absent)}", file=sys.stderr)
        return
    print("packages: these Debian packages will be installed now:", file=sys.stderr)
    for name in absent:
        print(f"    {name}: {NEEDED[name]}", file=sys.stderr)
    install(absent)


if __name__ == "__main__":
    main()
