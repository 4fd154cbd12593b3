"""The project's image and the nginx image, built from the checkout and put into the nodes.

Three caches, so that a change of one Python file costs seconds: the image of dependencies, the finished image by the
hash of everything it is made from, and the note of what the nodes already hold (`State.images`).
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import base_image, container_engine
from tests.cluster.base_image import Base
from tests.cluster.commands import output_of, run, run_logged, succeeds
from tests.cluster.content_key import content_key
from tests.cluster.errors import ClusterError
from tests.cluster.paths import HERE, ROOT, Paths
from tests.cluster.progress import Progress
from tests.cluster.provider import Provider

PROJECT = "vipkeeper/vipkeeper:dev"
NGINX = "vipkeeper/nginx:dev"
CONTEXT = ("pyproject.toml", "README.md", "LICENSE", "operator", "requirements")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache")


@dataclass(frozen=True, slots=True)
class BuiltImage:
    name: str
    key: str
    archive: Path


class ImageBuilder:
    def __init__(self, provider: Provider, paths: Paths, progress: Progress) -> None:
        self.provider, self.paths, self.progress = provider, paths, progress
        self.env: Mapping[str, str] = provider.environment()
        self.local = provider.name == "local"

    def build(self) -> list[BuiltImage]:
        return [self._project(), self._nginx()]

    def _project(self) -> BuiltImage:
        context = self._stage()
        recipe = (ROOT / "Dockerfile").read_bytes()
        key = content_key(context, recipe, base_image.PYTHON.key if self.local else "registry")
        built = BuiltImage(PROJECT, key, self._archive("vipkeeper", key))
        if built.archive.exists():
            return built
        arguments: list[str] = []
        if self.local:
            base = self._import_base(base_image.PYTHON)
            wheels = self._wheels(base_image.ensure(base_image.PYTHON, self.paths, self.progress))
            shutil.copytree(wheels, context / "wheels")
            arguments = _build_arguments(BASE_IMAGE=base, WHEELS="wheels", PIP_NO_INDEX="1")
        with self.progress.step("building the project image") as log:
            stages = (["--target", "dependencies", "-t", "localhost/vipkeeper/dependencies:dev"], ["-t", PROJECT])
            for stage in stages:
                self._build(ROOT / "Dockerfile", context, [*arguments, *stage], log)
            self._save(built, log)
        return built

    def _nginx(self) -> BuiltImage:
        recipe = HERE / "nginx/Containerfile"
        key = content_key(recipe, base_image.NGINX.key if self.local else "registry")
        built = BuiltImage(NGINX, key, self._archive("nginx", key))
        if built.archive.exists():
            return built
        arguments = _build_arguments(BASE_IMAGE=self._import_base(base_image.NGINX)) if self.local else []
        with self.progress.step("building the nginx image") as log:
            self._build(recipe, recipe.parent, [*arguments, "-t", NGINX], log)
            self._save(built, log)
        return built

    def _build(self, recipe: Path, context: Path, arguments: list[str], log: Path) -> None:
        command = [*self.provider.builder, "-f", str(recipe), *arguments, str(context)]
        run_logged(command, log, env=self.env, alive=self.progress.sign_of_life)

    def _archive(self, name: str, key: str) -> Path:
        return self.paths.cache / "images" / f"{name}-{key}.tar"

    def _save(self, image: BuiltImage, log: Path) -> None:
        """One archive for each image; the one of the last build goes."""
        image.archive.parent.mkdir(parents=True, exist_ok=True)
        kind, _, _ = image.archive.name.partition("-")
        for old in image.archive.parent.glob(f"{kind}-*.tar"):
            old.unlink()
        making = image.archive.with_suffix(".new")
        making.unlink(missing_ok=True)
        if self.provider.engine == "docker":
            run_logged(["docker", "save", "-o", str(making), image.name], log, env=self.env)
        else:  # podman's save would keep its localhost/ in the name
            run_logged(["podman", "push", image.name, f"docker-archive:{making}:{image.name}"], log, env=self.env)
            run(["podman", "image", "prune", "--force"], env=self.env)
        making.replace(image.archive)

    def _stage(self) -> Path:
        """A copy of what the image is made from, so caches and other people's files have no say."""
        context = self.paths.work / "context"
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir(parents=True)
        for name in CONTEXT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, context / name, ignore=NOT_COPIED)
            elif source.exists():
                shutil.copy2(source, context / name)
            else:
                raise ClusterError(f"the image needs {name}, which the checkout does not have")
        return context

    def _import_base(self, base: Base) -> str:
        name = f"localhost/vipkeeper/base-{base.name}:{base.key}"
        if not succeeds(["podman", "image", "exists", name], env=self.env):
            archive = base_image.ensure(base, self.paths, self.progress)
            output_of(["nice", "podman", "import", "--quiet", str(archive), name], env=self.env, timeout_s=300)
            container_engine.forget_other_tags(name, self.env)
        return name

    def _wheels(self, base: Path) -> Path:
        """Every wheel of the runtime and the build backend, downloaded here and checked by its hash."""
        requirements = ROOT / "requirements"
        backend = requirement_of("setuptools", (requirements / "dev.txt").read_text())
        folder = self.paths.cache / "wheels" / content_key(requirements / "runtime.txt", backend, base.name)
        if folder.exists():
            return folder
        making = folder.with_suffix(".new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        (making / "backend.txt").write_text(backend)
        version = python_version_in(output_of(["tar", "-tf", str(base)]))
        with self.progress.step("downloading wheels for the project image") as log:
            for listed in (requirements / "runtime.txt", making / "backend.txt"):
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
                wheels_for = [
                    "--only-binary",
                    ":all:",
                    "--python-version",
                    version,
                    "-d",
                    str(making),
                    "-r",
                    str(listed),
                ]
                run_logged([*pip, *wheels_for], log, alive=self.progress.sign_of_life)
        making.replace(folder)
        return folder


def _build_arguments(**values: str) -> list[str]:
    return [word for name, value in values.items() for word in ("--build-arg", f"{name}={value}")]


def requirement_of(name: str, requirements: str) -> str:
    """The lines of one package with its hashes."""
    found = re.search(rf"(?m)^{re.escape(name)}==(?:.*\\\n)*.*\n?", requirements)
    if not found:
        raise ClusterError(f"requirements/dev.txt does not pin {name}")
    return found[0]


def python_version_in(listing: str) -> str:
    found = re.search(r"usr/bin/python(3\.\d+)$", listing, re.MULTILINE)
    if not found:
        raise ClusterError("the base of the project image has no Python")
    return found[1]
