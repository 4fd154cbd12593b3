"""kind's node image, built here: a Debian root, kind's own files, the programs, and the control plane's images inside.

kind's files come from its Go module at build time. What differs from kind's base image is in `_adapt`, each with its
reason. The control plane's images are put into the image's containerd by a containerd on this machine whose root is
the image's folder; then the layers that are already unpacked leave the content store, which halves the image.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import base_image, container_engine, machine
from tests.cluster.commands import output_of, run_logged, succeeds
from tests.cluster.content_key import content_key
from tests.cluster.control_plane_images import image_names, write_images
from tests.cluster.errors import ClusterError
from tests.cluster.paths import HERE, Paths
from tests.cluster.processes import end, identify, record
from tests.cluster.programs import Programs, kubernetes_version, programs_key
from tests.cluster.progress import Progress

SOURCES = HERE / "node"
MADE_BY = ("node_image.py", "control_plane_images.py", "image_archive.py")
CHANGES = (
    'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]',
    "ENV container=docker",
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "STOPSIGNAL SIGRTMIN+3",
)


def node_image_name() -> str:
    recipe = [HERE / name for name in MADE_BY]
    reduced = str(machine.may_raise_limits())
    return f"localhost/vipkeeper/node:{content_key(SOURCES, *recipe, programs_key(), base_image.NODE.key, reduced)}"


def ensure(programs: Programs, paths: Paths, env: Mapping[str, str], progress: Progress) -> str:
    name = node_image_name()
    if succeeds(["podman", "image", "exists", name], env=env):
        return name
    base = base_image.ensure(base_image.NODE, paths, progress)
    work = paths.work / "node"
    _remove(work)
    rootfs = work / "root"
    rootfs.mkdir(parents=True)
    with progress.step("building the node image") as log:
        run_logged(["nice", "tar", "-C", str(rootfs), "-xf", str(base)], log)
        _put_kind_files(rootfs, programs.kind_base_files())
        _as_kinds_base_image(rootfs)
        names = image_names(programs)
        _adapt(rootfs, programs, names["pause"])
        archives = write_images(_fresh(work / "images"), names, programs, rootfs)
        _preload(rootfs, archives, _fresh(work / "containerd"), paths, log)
        shutil.rmtree(work / "images")
        changes = [word for change in CHANGES for word in ("--change", change)]
        tar = ["tar", "-C", str(rootfs), "-cf", "-", "."]
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as source, log.open("ab") as sink:
            importing = ["nice", "podman", "import", *changes, "-", name]
            done = subprocess.run(importing, env=dict(env), stdin=source.stdout, stdout=sink, stderr=sink, check=False)
        if done.returncode or source.returncode:
            raise ClusterError(f"podman could not import the node image; the whole log: {log}")
    _remove(work)
    container_engine.forget_other_tags(name, env)
    return name


def _fresh(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _put_kind_files(rootfs: Path, files: Path) -> None:
    shutil.copytree(files / "etc", rootfs / "etc", dirs_exist_ok=True)
    for folder in ("usr/local/bin", "kind/bin"):
        shutil.copytree(files / folder, rootfs / folder, dirs_exist_ok=True)
        for script in (rootfs / folder).iterdir():
            script.chmod(0o755)
    for folder in ("kind/manifests", "etc/kubernetes/manifests", "etc/cni/net.d", "opt/cni/bin"):
        (rootfs / folder).mkdir(parents=True, exist_ok=True)


def _as_kinds_base_image(rootfs: Path) -> None:
    """What the Dockerfile of kind's base image does to systemd: only what a node needs is started."""
    units = rootfs / "lib/systemd/system"
    for pattern in (
        "sysinit.target.wants/systemd-tmpfiles-setup.service",
        "multi-user.target.wants/*",
        "local-fs.target.wants/*",
        "sockets.target.wants/*udev*",
        "sockets.target.wants/*initctl*",
        "basic.target.wants/*",
    ):
        for link in units.glob(pattern):
            link.unlink()
    own = rootfs / "etc/systemd/system"
    for link in own.glob("*.wants/*"):
        link.unlink()
    wanted = own / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    for unit in ("kubelet", "containerd", "undo-mount-hacks"):
        (wanted / f"{unit}.service").symlink_to(f"/etc/systemd/system/{unit}.service")
    (own / "systemd-binfmt.service").symlink_to("/dev/null")
    with (rootfs / "etc/systemd/journald.conf").open("a") as journald:
        journald.write("ReadKMsg=no\n")
    (rootfs / "etc/machine-id").unlink(missing_ok=True)
    (rootfs / "etc/machine-id").touch()


def _adapt(rootfs: Path, programs: Programs, pause_image: str) -> None:
    for program in ("containerd", "ctr", "containerd-shim-runc-v2"):  # Debian's, where kind's scripts expect their own
        (rootfs / "usr/local/bin" / program).symlink_to(f"/usr/bin/{program}")
    (rootfs / "usr/local/sbin/runc").symlink_to("/usr/sbin/runc")
    for plugin in ("ptp", "bridge", "host-local", "loopback", "portmap"):
        shutil.copy2(rootfs / "usr/lib/cni" / plugin, rootfs / "opt/cni/bin" / plugin)
    config = rootfs / "etc/containerd/config.toml"
    config.write_text(adapted_containerd_config(config.read_text(), pause_image, machine.may_raise_limits()))
    specification = output_of(["chroot", str(rootfs), "ctr", "oci", "spec"])
    with_hook = '.hooks.createContainer[0]={"path":"/kind/bin/mount-product-files.sh"} | del(.process.rlimits)'
    filtered = output_of(["chroot", str(rootfs), "jq", with_hook], stdin=specification)
    (rootfs / "etc/containerd/cri-base.json").write_text(filtered)
    for program in ("kubelet", "kubectl", "kubeadm"):
        shutil.copyfile(programs.path(program), rootfs / "usr/bin" / program)
        (rootfs / "usr/bin" / program).chmod(0o755)
    shutil.copy2(SOURCES / "crictl", rootfs / "usr/local/bin/crictl")
    (rootfs / "kind/version").write_text(kubernetes_version())  # kind reads it whole: no newline
    shutil.copytree(SOURCES / "manifests", rootfs / "kind/manifests", dirs_exist_ok=True)


def adapted_containerd_config(config: str, pause_image: str, may_raise_limits: bool) -> str:
    """kind's containerd configuration with this kubeadm's pause image, and without fuse-overlayfs, which is not here.

    Where CAP_SYS_RESOURCE is missing no OOM score may be lowered, and the CRI plugin must not try.
    """
    config = _must_replace(r'(?m)^(\s*sandbox_image = )"[^"]*"', rf'\1"{pause_image}"', config)
    config = _must_replace(r"(?ms)^\[proxy_plugins\].*?^  address = [^\n]*\n", "", config)
    if not may_raise_limits:
        config = _must_replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true", config)
    return config


def _must_replace(pattern: str, replacement: str, text: str) -> str:
    replaced, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise ClusterError(f"kind's containerd configuration has changed: {pattern!r} matches {count} times, not once")
    return replaced


@contextmanager
def _containerd(root: Path, run: Path, paths: Paths, log: Path) -> Iterator[list[str]]:
    """A containerd over `root`; yields the beginning of every ctr command."""
    config = run / "config.toml"
    disabled = [f"io.containerd.snapshotter.v1.{name}" for name in ("btrfs", "zfs", "devmapper", "aufs")]
    plugins = ", ".join(f'"{plugin}"' for plugin in ["io.containerd.grpc.v1.cri", *disabled])
    socket = run / "containerd.sock"
    config.write_text(
        f'version = 2\nroot = "{root}"\nstate = "{run}/state"\ndisabled_plugins = [{plugins}]\n'
        f'[grpc]\n  address = "{socket}"\n'
    )
    with log.open("ab") as sink:
        daemon = subprocess.Popen(
            ["containerd", "-c", str(config)],
            stdout=sink,
            stderr=sink,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    process = identify(daemon.pid, "containerd that fills the node image")
    if process:
        record(paths.state / "processes.json", [process])
    ctr = ["nice", "ctr", "-a", str(socket), "-n", "k8s.io"]
    try:
        deadline = time.monotonic() + 20
        while not succeeds([*ctr, "version"], timeout_s=5):
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise ClusterError(f"containerd does not start on this machine; the whole log: {log}")
            time.sleep(0.1)
        yield ctr
    finally:
        if process:
            end([process])
        daemon.wait()


def _preload(rootfs: Path, archives: list[Path], run: Path, paths: Paths, log: Path) -> None:
    root = rootfs / "var/lib/containerd"
    with _containerd(root, run, paths, log) as ctr:
        for archive in archives:
            run_logged([*ctr, "images", "import", "--compress-blobs=false", str(archive)], log)
        blobs = (root / "io.containerd.content.v1.content/blobs/sha256").iterdir()
        layers = [blob for blob in blobs if blob.stat().st_size > 1 << 20]  # manifests and configurations are small
        run_logged([*ctr, "content", "rm", *(f"sha256:{layer.name}" for layer in layers)], log)
    for layer in layers:
        layer.unlink(missing_ok=True)
