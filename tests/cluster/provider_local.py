"""No engine, no registry: root on Debian, and kind with podman inside a network namespace made for it.

The namespace keeps the bridge, the port mappings and the firewall rules of the nodes away from the machine's own, and
makes it easy to say afterwards that nothing is left: it is deleted. Commands enter it with `nsenter --net`, not with
`ip netns exec`, which mounts a fresh /sys and so hides the cgroups from podman.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import container_engine, machine, node_image, packages, programs
from tests.cluster.commands import output_of, run, succeeds
from tests.cluster.errors import ClusterError
from tests.cluster.paths import CLUSTER_NAME, Paths
from tests.cluster.processes import Process, end, identify, read_recorded, record
from tests.cluster.progress import Progress

NAMESPACE = Path("/run/netns") / CLUSTER_NAME
CGROUPS = Path("/sys/fs/cgroup")
NAME_SERVER = Path("/run/containers/networks/aardvark-dns/aardvark.pid")
"""podman has one for all networks of root, at a place that no configuration moves: it serves the namespace of whoever
started it, and nobody else's."""


@dataclass(frozen=True, slots=True)
class LocalProvider:
    paths: Paths
    progress: Progress
    name: str = "local"
    engine: str = "podman"

    @property
    def builder(self) -> list[str]:
        return ["buildah", "bud", "--isolation", "chroot", "--layers"]

    def prepare(self) -> str | None:
        if not machine.is_root():
            raise ClusterError("the local provider needs root: containers, namespaces, Debian packages")
        packages.ensure(self.progress)
        built = programs.ensure(self.paths, self.progress)
        return node_image.ensure(built, self.paths, self.environment(), self.progress)

    def environment(self) -> dict[str, str]:
        env = container_engine.environment(self.paths)
        folder = self.paths.cache / "programs" / programs.programs_key()
        return env | {
            "PATH": f"{folder}:{env['PATH']}",
            "KUBECONFIG": str(self.paths.kubeconfig),
            "HELM_CACHE_HOME": str(self.paths.work / "helm/cache"),
            "HELM_CONFIG_HOME": str(self.paths.work / "helm/config"),
            "HELM_DATA_HOME": str(self.paths.work / "helm/data"),
        }

    def host_prefix(self) -> list[str]:
        return ["nsenter", f"--net={NAMESPACE}"]

    def begin(self) -> None:
        Path("/lib/modules").mkdir(exist_ok=True)  # kind mounts it; a machine without modules has no such folder
        if not NAMESPACE.exists():
            output_of(["ip", "netns", "add", CLUSTER_NAME])
        output_of([*self.host_prefix(), "ip", "link", "set", "lo", "up"])
        server = _name_server()
        if server and not self._is_inside(server):
            raise ClusterError(
                f"another podman network of this machine has its name server running (process {server.pid}), and podman"
                " cannot run two: stop the containers on that network first"
            )

    def remember_processes(self) -> None:
        """Writes down what keeps the containers going, so that `down` ends it even where podman's memory is damaged."""
        record(self.paths.state / "processes.json", self._running())

    def release(self) -> None:
        if shutil.which("podman"):
            run(["podman", "unpause", "--all"], env=self.environment())
            _thaw(self._containers())

    def finish(self) -> None:
        running = self._running()
        containers = self._containers()
        env = self.environment()
        inside = self.host_prefix() if NAMESPACE.exists() else []
        if shutil.which("podman"):
            self.release()
            run([*inside, "podman", "rm", "--all", "--force", "--volumes", "--time", "0"], env=env)
            run([*inside, "podman", "volume", "prune", "--force"], env=env)
            run([*inside, "podman", "network", "rm", "--force", "kind"], env=env)
        _thaw(containers)
        left = end([*running, *read_recorded(self.paths.state / "processes.json")])
        if left:
            self.progress.say(f"still alive: {', '.join(f'{p.pid} ({p.what})' for p in left)}")
        if NAMESPACE.exists():
            self._name_strangers()
            output_of(["ip", "netns", "delete", CLUSTER_NAME])
        _unmount_below(self.paths.run, self.paths.store, self.paths.work)
        _remove_cgroups(containers)
        shutil.rmtree(self.paths.run, ignore_errors=True)
        shutil.rmtree(self.paths.work / "helm", ignore_errors=True)

    def _containers(self) -> list[str]:
        if not shutil.which("podman"):
            return []
        return run(["podman", "ps", "--all", "--quiet", "--no-trunc"], env=self.environment()).stdout.split()

    def _running(self) -> list[Process]:
        """The monitors and first processes of our containers, and the name server of their network."""
        server = _name_server()
        pids = {server.pid: server.what} if server and self._is_inside(server) else {}
        env = self.environment()
        listed = run(["podman", "ps", "--all", "--quiet"], env=env).stdout.split() if shutil.which("podman") else []
        if listed:
            inspected = run(["podman", "inspect", "--type", "container", *listed], env=env).stdout
            for container in json.loads(inspected or "[]"):
                for key in ("ConmonPid", "Pid"):
                    pids[container["State"].get(key, 0)] = f"{key} of {container['Name']}"
        found = (identify(pid, what) for pid, what in pids.items() if pid)
        return [process for process in found if process]

    def _is_inside(self, process: Process) -> bool:
        try:
            return Path(f"/proc/{process.pid}/ns/net").stat().st_ino == NAMESPACE.stat().st_ino
        except OSError:
            return False

    def _name_strangers(self) -> None:
        """Processes of other people in our namespace are not ours to end; they keep it alive, so they are named."""
        for pid in run(["ip", "netns", "pids", CLUSTER_NAME]).stdout.split():
            command = Path(f"/proc/{pid}/comm")
            name = command.read_text().strip() if command.exists() else "?"
            self.progress.say(f"process {pid} ({name}) still runs in the namespace {CLUSTER_NAME}; end it")


def _name_server() -> Process | None:
    try:
        return identify(int(NAME_SERVER.read_text()), "aardvark-dns")
    except (OSError, ValueError):
        return None


def mounts_below(mountinfo: str, folders: tuple[Path, ...]) -> list[str]:
    """Mount points in or under the folders, innermost first."""
    points = [line.split()[4].replace("\\040", " ") for line in mountinfo.splitlines()]
    mine = [p for p in points if any(Path(p).is_relative_to(folder) for folder in folders)]
    return sorted(mine, key=lambda point: point.count("/"), reverse=True)


def _unmount_below(*folders: Path) -> None:
    for point in mounts_below(Path("/proc/self/mountinfo").read_text(), folders):
        if not succeeds(["umount", point]):
            succeeds(["umount", "--lazy", point])


def _cgroups(container: str) -> list[Path]:
    """All of a container in all hierarchies, the innermost first."""
    tops = [*CGROUPS.glob(f"*/libpod_parent/libpod-{container}"), CGROUPS / "libpod_parent" / f"libpod-{container}"]
    return [folder for top in tops for folder in [*sorted(top.rglob("*/"), key=lambda f: -len(f.parts)), top]]


def _thaw(containers: list[str]) -> None:
    """runc freezes a cgroup of version 1 for a moment while it makes a container; killed then, it leaves it frozen."""
    for container in containers:
        for state in (cgroup / "freezer.state" for cgroup in _cgroups(container)):
            try:
                if state.exists() and state.read_text().strip() != "THAWED":
                    state.write_text("THAWED")
            except OSError:
                continue


def _remove_cgroups(containers: list[str]) -> None:
    """podman leaves the folders of its containers behind. Other people's containers have theirs beside them."""
    for container in containers:
        for folder in _cgroups(container):
            _remove_if_empty(folder)
    for parent in (*CGROUPS.glob("*/libpod_parent"), CGROUPS / "libpod_parent"):
        _remove_if_empty(parent / "conmon")
        _remove_if_empty(parent)


def _remove_if_empty(cgroup: Path) -> None:
    """The kernel refuses to remove one with a process or another cgroup in it."""
    try:
        cgroup.rmdir()
    except OSError:
        pass
