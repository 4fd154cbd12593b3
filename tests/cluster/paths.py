"""Where things are kept. One rule: never inside the checkout.

The cache survives `down` and is keyed by content, so it may be deleted at any time when no cluster runs. What
describes the running cluster lies in `cluster/`, and goes with it. What the kernel forgets at a reboot (container
runtime state) lies below /run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CLUSTER_NAME = "vipkeeper-test"
"""The name in kind-config.yaml; also of the network namespace, and the first part of every other name made here."""

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Paths:
    cache: Path
    run: Path = Path("/run") / CLUSTER_NAME

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], home: Path) -> Paths:
        if chosen := environ.get("VIPKEEPER_CACHE"):
            return cls(Path(chosen).absolute())
        return cls(Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "vipkeeper")

    @property
    def state(self) -> Path:
        """Of the running cluster: marker, kubeconfig, address leases, recorded processes."""
        return self.cache / "cluster"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.cache / "logs"

    @property
    def store(self) -> Path:
        """The container store of the local provider, so that the machine's own podman is untouched."""
        return self.cache / "store"

    @property
    def work(self) -> Path:
        """Half-made things; nobody misses them."""
        return self.cache / "work"
