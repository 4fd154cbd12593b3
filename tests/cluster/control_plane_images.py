"""The images of the control plane, from the programs that were just built.

kubeadm knows under which names the kubelets will ask for them, so it is asked; no name is written down here. A static
binary needs no more than itself, kube-proxy also nft, iptables and conntrack with their libraries.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.commands import output_of
from tests.cluster.image_archive import write_image
from tests.cluster.programs import Programs, kubernetes_version

NETWORK_AGENT = "localhost/vipkeeper/network-agent:1"
"""The name is in node/manifests/default-cni.yaml too. It is never pulled; localhost keeps it from being looked for."""


@dataclass(frozen=True, slots=True)
class Recipe:
    program: str
    path: str
    entrypoint: str


RECIPES = {
    "kube-apiserver": Recipe("kube-apiserver", "usr/local/bin/kube-apiserver", "kube-apiserver"),
    "kube-controller-manager": Recipe(
        "kube-controller-manager", "usr/local/bin/kube-controller-manager", "kube-controller-manager"
    ),
    "kube-scheduler": Recipe("kube-scheduler", "usr/local/bin/kube-scheduler", "kube-scheduler"),
    "etcd": Recipe("server", "usr/local/bin/etcd", "etcd"),
    "coredns": Recipe("coredns", "coredns", "/coredns"),
    "pause": Recipe("pause", "pause", "/pause"),
}


def image_names(programs: Programs) -> dict[str, str]:
    """kube-proxy: <registry>/kube-proxy:v1.34.4, and so on, as this kubeadm wants them."""
    listing = output_of(
        [str(programs.path("kubeadm")), "config", "images", "list", "--kubernetes-version", kubernetes_version()]
    )
    return parse_image_names(listing)


def parse_image_names(listing: str) -> dict[str, str]:
    return {re.split(r"[/:]", line)[-2]: line for line in listing.split() if "/" in line and ":" in line}


def write_images(folder: Path, names: dict[str, str], programs: Programs, rootfs: Path) -> list[Path]:
    archives = []
    for image, name in names.items():
        root = folder / "root"
        (root / "tmp").mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        if image == "kube-proxy":
            _fill_kube_proxy(root, programs, rootfs)
            entrypoint = ["kube-proxy"]
        else:
            recipe = RECIPES[image]
            _install(programs.path(recipe.program), root / recipe.path)
            entrypoint = [recipe.entrypoint]
        archives.append(_finish(folder, image, name, root, entrypoint))
    root = folder / "root"
    _fill_network_agent(root, programs)
    archives.append(_finish(folder, "network-agent", NETWORK_AGENT, root, ["/bin/sh"]))
    return archives


def _finish(folder: Path, image: str, name: str, root: Path, entrypoint: list[str]) -> Path:
    archive = folder / f"{image}.tar"
    write_image(archive, name, root, entrypoint)
    shutil.rmtree(root)
    return archive


def _install(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _fill_network_agent(root: Path, programs: Programs) -> None:
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir(mode=0o1777)
    _install(Path("/bin/busybox"), root / "bin/busybox")
    for applet in ("sh", "ip", "cat", "sleep", "mv", "echo"):
        (root / "bin" / applet).symlink_to("busybox")
    _install(programs.path("kubectl"), root / "bin/kubectl")


def _fill_kube_proxy(root: Path, programs: Programs, rootfs: Path) -> None:
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / folder).mkdir(parents=True)
        (root / folder).symlink_to(f"usr/{folder}")
    (root / "run").mkdir()
    tools = ["nft", "xtables-nft-multi", "conntrack"]
    for tool in tools:
        _install(rootfs / "usr/sbin" / tool, root / "usr/sbin" / tool)
    _install(rootfs / "usr/bin/kmod", root / "usr/bin/kmod")
    plugins = next(rootfs.glob("usr/lib/*/xtables"))
    shutil.copytree(plugins, root / plugins.relative_to(rootfs))
    libraries = _libraries(rootfs, [*(f"/usr/sbin/{tool}" for tool in tools), "/usr/bin/kmod"])
    for library in [*libraries, f"/{plugins.parent.relative_to(rootfs)}/libm.so.6"]:  # the plugins need libm
        source = rootfs / library.lstrip("/")
        inside = Path("usr") / library.lstrip("/").removeprefix("usr/")
        _install(source, root / inside)
    for family in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            (root / "usr/sbin" / f"{family}{suffix}").symlink_to("xtables-nft-multi")
    _install(programs.path("kube-proxy"), root / "usr/local/bin/kube-proxy")
    _install(Path("/bin/busybox"), root / "bin/busybox")
    (root / "bin/sh").symlink_to("busybox")


def _libraries(rootfs: Path, programs: list[str]) -> list[str]:
    found: set[str] = set()
    for program in programs:
        listed = subprocess.run(
            ["chroot", str(rootfs), "ldd", program], check=True, capture_output=True, text=True
        ).stdout
        found.update(re.findall(r"(/\S+)", listed))
    return sorted(found)
