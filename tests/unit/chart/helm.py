"""Runs the real helm on our chart, without any cluster. Values go in as YAML, objects come out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import provider
from tests.cluster.commands import output_of, run
from tests.cluster.local_programs import local_programs
from tests.cluster.paths import ROOT, Paths
from tests.cluster.progress import Progress

CHART = ROOT / "charts/vipkeeper"
NAMESPACE = "the-namespace"
RELEASE = "the-release"
KUBERNETES = "1.34.0"
"""A helm that was built from Go modules believes in Kubernetes 1.20; so we say."""


@dataclass(frozen=True, slots=True)
class Helm:
    program: str
    home: Path
    env: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        own = {f"HELM_{kind}_HOME": str(self.home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        object.__setattr__(self, "env", {**os.environ, **own, "KUBECONFIG": "/dev/null"})

    def render(self, values: Mapping[str, Any] | None = None, kubernetes: str = KUBERNETES) -> list[dict[str, Any]]:
        """All objects, hooks too."""
        text = output_of(self._template(kubernetes), env=self.env, stdin=yaml.safe_dump(values or {}))
        return [document for document in yaml.safe_load_all(text) if document]

    def refusal(self, values: Mapping[str, Any] | None = None, kubernetes: str = KUBERNETES) -> str:
        """What helm says when it refuses; fails when it does not."""
        done = run(self._template(kubernetes), env=self.env, stdin=yaml.safe_dump(values or {}))
        assert done.returncode != 0, f"helm takes {values}"
        return done.stderr

    def lint(self) -> str:
        lint = [self.program, "lint", "--strict", str(CHART), "--kube-version", KUBERNETES]
        return output_of(lint, env=self.env)

    def _template(self, kubernetes: str) -> list[str]:
        where = ["--namespace", NAMESPACE, "--kube-version", kubernetes, "--values", "-"]
        return [self.program, "template", RELEASE, str(CHART), *where]


def find_helm() -> str:
    """The test cluster's helm; where it has none yet, it is built (tests/cluster; minutes, once)."""
    if (built := local_programs()) is not None:
        return str(built.path("helm"))
    paths = Paths.from_environment(os.environ, Path.home())
    name = provider.detect(os.environ, print)
    found = shutil.which("helm", path=provider.make(name, paths, Progress(paths.logs)).environment()["PATH"])
    assert found, f"the provider {name} is used only where helm is on the PATH"
    return found


def one(objects: list[dict[str, Any]], kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    found = [
        item
        for item in objects
        if item["kind"] == kind
        and item["metadata"]["name"] == name
        and (namespace is None or item["metadata"].get("namespace") == namespace)
    ]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}"
    return found[0]
