"""docker or podman with a registry: nothing to build, nothing to clean but what kind made."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tests.cluster.commands import run
from tests.cluster.paths import CLUSTER_NAME, Paths


@dataclass(frozen=True, slots=True)
class ReadyProvider:
    engine: str
    paths: Paths

    @property
    def name(self) -> str:
        return self.engine

    @property
    def builder(self) -> list[str]:
        return [self.engine, "build"]

    def prepare(self) -> str | None:
        return None

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "KIND_EXPERIMENTAL_PROVIDER": self.engine,
            "KIND_CLUSTER_NAME": CLUSTER_NAME,
            "KUBECONFIG": str(self.paths.kubeconfig),
        }

    def host_prefix(self) -> list[str]:
        return []

    def begin(self) -> None:
        return None

    def release(self) -> None:
        label = f"label=io.x-k8s.kind.cluster={CLUSTER_NAME}"
        listing = [self.engine, "ps", "--quiet", "--filter", label, "--filter", "status=paused"]
        for container in run(listing, env=self.environment()).stdout.split():
            run([self.engine, "unpause", container], env=self.environment())

    def finish(self) -> None:
        return None
