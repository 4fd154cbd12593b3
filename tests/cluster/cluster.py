"""The test cluster as an object. The verbs of the command line are its methods.

Making and removing hold the lock of `locking.py`; everything else may be done by many processes at once. Nothing is
kept in memory but the state file and the fact that the guard has looked: nodes and addresses are asked for each time.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import cast

from tests.cluster import (
    clients,
    commands,
    containers,
    faults,
    guard,
    host_settings,
    machine,
    namespaces,
    provider,
    state,
)
from tests.cluster.clients import Client
from tests.cluster.commands import output_of, run, run_logged
from tests.cluster.containers import NodeContainer, NodeProcess
from tests.cluster.errors import ClusterError, CommandFailed
from tests.cluster.leases import Leases
from tests.cluster.links import outer_end
from tests.cluster.locking import exclusive
from tests.cluster.network import (
    NETWORK_NAME,
    Address,
    KindNetwork,
    Node,
    client_candidates,
    find_node,
    parse_network,
    parse_nodes,
    vip_candidates,
)
from tests.cluster.paths import CLUSTER_NAME, ROOT, Paths
from tests.cluster.progress import Progress
from tests.cluster.project_images import ImageBuilder
from tests.cluster.provider import Provider
from tests.cluster.provider_local import LocalProvider
from tests.cluster.state import State
from tests.cluster.thin_archive import known_prefix, layers_of, write_thin

API_SERVER_MANIFEST = "/etc/kubernetes/manifests/kube-apiserver.yaml"
API_SERVER_AWAY = "/etc/kubernetes/kube-apiserver.yaml.away"
VRRP = 112
"""Its IP protocol number."""


class Cluster:
    def __init__(self, paths: Paths | None = None) -> None:
        self.paths = paths or Paths.from_environment(os.environ, Path.home())
        self.progress = Progress(self.paths.logs)
        self._leases = Leases(self.paths.state)
        self._marker_seen = False

    # --- making and removing -------------------------------------------------------------------------------------

    def build(self) -> None:
        """Tools and node image: what takes long. Nothing to do where docker or podman have a registry."""
        with self._exclusive():
            self._provider(provider.detect(os.environ, self.progress.say)).prepare()

    def up(self) -> None:
        """Makes the cluster, four nodes Ready. Says so where it already runs; removes what a crashed run left."""
        with self._exclusive():
            known = state.load(self.paths.state)
            if known and known.phase == "up" and self._all_running():
                self.progress.say("the cluster already runs")
                return
            if known:
                self.progress.say("removing what is left of the last cluster")
                self._remove(known)
            name = provider.detect(os.environ, self.progress.say)
            source = self._provider(name)
            node_image = source.prepare()
            guard.refuse_unmarked_nodes(known, self._node_containers(source))
            fresh = State(provider=name, marker=secrets.token_hex(8), host_settings=host_settings.note())
            state.save(self.paths.state, fresh)
            try:
                self._create(source, node_image, fresh)
            except BaseException:
                self.progress.say("the cluster could not be made; removing it")
                self._remove(fresh)
                raise
            state.save(self.paths.state, dataclasses.replace(fresh, phase="up"))
        self.progress.say(f"the cluster is up ({name})")

    def down(self) -> None:
        """Removes the cluster and everything that was made for it; the caches stay."""
        with self._exclusive():
            known = state.load(self.paths.state)
            if known is None:
                self.progress.say("no test cluster is known here; nothing to do")
                return
            with self.progress.step("removing the cluster"):
                self._remove(known)

    def images(self) -> None:
        """Builds the project's image and the nginx image and puts them into the nodes; quick when nothing changed."""
        self._known()
        with self._exclusive():
            source = self.provider
            for image in ImageBuilder(source, self.paths, self.progress).build():
                known = self._known()
                layers, loaded = layers_of(image.archive), known.images.get(image.name, [])
                if layers == loaded:
                    self.progress.say(f"{image.name}: the nodes have it ({image.key})")
                    continue
                with self.progress.step(f"loading {image.name}") as log:
                    self._load(source, image.archive, known_prefix(layers, loaded), log)
                images = {**known.images, image.name: layers}
                state.save(self.paths.state, dataclasses.replace(known, images=images))

    def _load(self, source: Provider, archive: Path, known_layers: int, log: Path) -> None:
        load = [*source.host_prefix(), "kind", "load", "image-archive", "--name", CLUSTER_NAME]
        if known_layers:
            thin = self.paths.work / "thin.tar"
            write_thin(archive, thin, known_layers)
            try:
                run_logged([*load, str(thin)], log, env=source.environment())
            except CommandFailed:
                self.progress.say("the nodes have lost layers of it; loading the whole image")
            else:
                return
            finally:
                thin.unlink()
        run_logged([*load, str(archive)], log, env=source.environment(), alive=self.progress.sign_of_life)

    def _create(self, source: Provider, node_image: str | None, fresh: State) -> None:
        source.begin()
        env, host = source.environment(), source.host_prefix()
        with self.progress.step("creating the cluster with kind") as log:
            create = ["kind", "create", "cluster", "--config", str(ROOT / "kind-config.yaml"), "--wait", "120s"]
            where = ["--name", CLUSTER_NAME, "--kubeconfig", str(self.paths.kubeconfig)]
            image = ["--image", node_image] if node_image else []
            run_logged([*host, *create, *where, *image], log, env=env, timeout_s=600, alive=self.progress.sign_of_life)
            wait = ["kubectl", "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=90s"]
            run_logged([*host, *wait], log, env=env)
            marker = ["kubectl", "create", "configmap", "-n", guard.MARKER_NAMESPACE, guard.MARKER_NAME]
            run_logged([*host, *marker, f"--from-literal=marker={fresh.marker}"], log, env=env)
        if isinstance(source, LocalProvider):
            source.remember_processes()
            # A bridge takes the lowest address of its ports. A client must not change the gateway's by coming.
            bridge = self.network().bridge
            mac = namespaces.mac_of(host, bridge)
            output_of([*host, "ip", "link", "set", bridge, "address", mac])

    def _remove(self, known: State) -> None:
        source = self._provider(known.provider)
        host = source.host_prefix()
        for name in clients.existing_names():
            clients.delete(name)
        source.release()
        if not host or all(Path(word.removeprefix("--net=")).exists() for word in host if word.startswith("--net=")):
            delete = ["kind", "delete", "cluster", "--name", CLUSTER_NAME, "--kubeconfig", str(self.paths.kubeconfig)]
            done = run([*host, *delete], env=source.environment(), timeout_s=180)
            if done.returncode:
                self.progress.say(f"kind could not delete the cluster: {done.stderr.strip()[-300:]}")
        if known.provider != "local" and self._may_touch_links():
            faults.mend(host)
        source.finish()
        if machine.is_root():
            for name, (was, now) in host_settings.restore(known.host_settings).items():
                self.progress.say(f"restored {name} = {now} (it had become {was})")
        for name in (
            "state.json",
            "kubeconfig",
            "kubeconfig.lock",
            "addresses.json",
            "addresses.lock",
            "clients.lock",
            "processes.json",
        ):
            (self.paths.state / name).unlink(missing_ok=True)

    # --- what it is ----------------------------------------------------------------------------------------------

    @property
    def provider(self) -> Provider:
        return self._provider(self._known().provider)

    @property
    def kubeconfig(self) -> Path:
        """Valid only in the host namespace (`host_run`, `entered`) where the provider is `local`."""
        return self.paths.kubeconfig

    @property
    def environment(self) -> dict[str, str]:
        """KUBECONFIG, PATH with kubectl, helm and kind, and the engine's settings."""
        return self.provider.environment()

    @property
    def host_prefix(self) -> list[str]:
        """The beginning of a command that runs where the bridge of the nodes and the kubeconfig's 127.0.0.1 are."""
        return self.provider.host_prefix()

    def is_up(self) -> bool:
        known = state.load(self.paths.state)
        return bool(known and known.phase == "up" and self._all_running())

    def nodes(self) -> list[Node]:
        """The control plane first, then the workers in their order."""
        source = self.provider
        names = self._node_containers(source)
        if not names:
            raise ClusterError("the test cluster has no nodes: run `.venv/bin/python -m tests.cluster up`")
        return parse_nodes(output_of([source.engine, "inspect", *names], env=source.environment()))

    def workers(self) -> list[Node]:
        return [node for node in self.nodes() if node.role == "worker"]

    def node(self, name: str) -> Node:
        """By its full name or the short one: worker2."""
        return find_node(self.nodes(), name)

    def node_address(self, name: str, family: int = 4) -> Address:
        node = self.node(name)
        address = node.ipv4 if family == 4 else node.ipv6
        if address is None:
            raise ClusterError(f"{node.name} has no IPv{family} address")
        return address

    def network(self) -> KindNetwork:
        source = self.provider
        return parse_network(output_of([source.engine, "network", "inspect", NETWORK_NAME], env=source.environment()))

    def free_addresses(self, count: int = 1, family: int = 4, owner: str = "vip") -> list[Address]:
        """Addresses of the nodes' segment that nobody has or was given before; yours until `give_back` or `down`."""
        network = self.network()
        prefix = network.prefix(family)
        return self._leases.take(lambda: vip_candidates(prefix), self._taken(network), count, owner)

    def give_back(self, addresses: Iterable[Address]) -> None:
        self._leases.give_back(set(addresses))

    # --- kubernetes ----------------------------------------------------------------------------------------------

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_s: float = 120) -> str:
        """Its standard output; CommandFailed where it fails."""
        return output_of(self.kubectl_command(*arguments), env=self.environment, stdin=stdin, timeout_s=timeout_s)

    def helm(self, *arguments: str, timeout_s: float = 300) -> str:
        self.check_guard(arguments)
        return output_of([*self.host_prefix, "helm", *arguments], env=self.environment, timeout_s=timeout_s)

    def kubectl_command(self, *arguments: str) -> list[str]:
        """For a caller that starts it itself, with `environment`."""
        self.check_guard(arguments)
        return [*self.host_prefix, "kubectl", *arguments]

    def apply(self, yaml_text: str, *arguments: str) -> str:
        return self.kubectl("apply", "-f", "-", *arguments, stdin=yaml_text)

    def delete(self, yaml_text: str, *arguments: str) -> str:
        return self.kubectl("delete", "--ignore-not-found", "-f", "-", *arguments, stdin=yaml_text)

    # --- running things ------------------------------------------------------------------------------------------

    def host_run(
        self, argv: Sequence[str], *, check: bool = True, timeout_s: float = 60, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """In the host namespace, with KUBECONFIG and the tools."""
        return self._run([*self.host_prefix, *argv], check, timeout_s, stdin)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Inside, sockets that *this thread* opens are in the host namespace: for API clients within a test process."""
        prefix = self.host_prefix
        if not prefix:
            yield
            return
        with namespaces.entered(Path("/run/netns") / CLUSTER_NAME):
            yield

    def exec(
        self, node: str, argv: Sequence[str], *, check: bool = True, timeout_s: float = 60, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Inside a node, as on its shell."""
        interactive = ["--interactive"] if stdin is not None else []
        command = [self.provider.engine, "exec", *interactive, self.node(node).name, *argv]
        return self._run(command, check, timeout_s, stdin)

    def node_prefix(self, node: str) -> list[str]:
        """The beginning of a command of this machine in the network of a node; a few ms where `exec` takes 200."""
        return namespaces.prefix_of(self.node(node).pid)

    def containers(self, node: str, *, pod: str = "", container: str = "", namespace: str = "") -> list[NodeContainer]:
        """Running containers of pods on a node. `pod` is the beginning of its name, the others are whole names."""
        found = containers.parse_containers(self.exec(node, ["sh", "-c", containers.LIST]).stdout)
        return [
            one
            for one in found
            if one.pod.startswith(pod) and container in ("", one.name) and namespace in ("", one.namespace)
        ]

    def processes(self, node: str, container: NodeContainer) -> list[NodeProcess]:
        """All processes of a container, with their ids in the node."""
        listed = self.exec(node, ["sh", "-c", containers.PROCESSES % container.id])
        return containers.parse_processes(listed.stdout)

    def pids(
        self, node: str, *, pod: str = "", container: str = "", namespace: str = "", command: str = ""
    ) -> list[int]:
        """Ids in the node of the processes whose command line contains `command`."""
        chosen = self.containers(node, pod=pod, container=container, namespace=namespace)
        return [p.pid for one in chosen for p in self.processes(node, one) if command in p.command]

    def signal(self, node: str, pids: Iterable[int], sign: str = "KILL") -> None:
        """All in one call, so they die together."""
        self.exec(node, ["kill", f"-{sign}", *(str(pid) for pid in pids)])

    # --- clients -------------------------------------------------------------------------------------------------

    def client(self, name: str = "1") -> Client:
        """The client of that name, made where it is not there yet."""
        if not machine.is_root():
            raise ClusterError("a client is a network namespace on the bridge of the nodes, which needs root")
        with exclusive(self.paths.state / "clients.lock"):
            network = self.network()
            prefixes = [prefix for prefix in (network.ipv4, network.ipv6) if prefix]
            owner = f"client {name}"
            if clients.exists(name) and (addresses := self._leases.of(owner)):
                return self._as_client(name, addresses)
            clients.delete(name)
            self._leases.give_back(self._leases.of(owner))
            taken = self._taken(network)
            for prefix in prefixes:
                self._leases.take(lambda prefix=prefix: client_candidates(prefix), taken, 1, owner)  # type: ignore[misc]  # mypy does not type a default of a lambda
            client = self._as_client(name, self._leases.of(owner))
            clients.create(client, self.host_prefix, network.bridge, prefixes)
            return client

    def remove_client(self, name: str = "1") -> None:
        clients.delete(name)
        self._leases.give_back(self._leases.of(f"client {name}"))

    def client_names(self) -> list[str]:
        return clients.existing_names()

    # --- faults --------------------------------------------------------------------------------------------------

    def cut(self, node: str) -> None:
        """Silence with carrier: what the others see when a node crashes."""
        if self._may_touch_links():
            faults.detach(self.host_prefix, self._port(node))
        else:
            self._engine("network", "disconnect", NETWORK_NAME, self.node(node).name)

    def heal(self, node: str) -> None:
        """Undoes `cut`, and `carrier_down` too. Idempotent."""
        if self._may_touch_links():
            faults.attach(self.host_prefix, self._port(node), self.network().bridge)
        else:
            self._engine("network", "connect", NETWORK_NAME, self.node(node).name)

    def is_cut(self, node: str) -> bool:
        return outer_end(self.host_prefix, self.node_prefix(node)).master is None

    def carrier_down(self, node: str) -> None:
        faults.set_carrier(self.host_prefix, self._port(node), up=False)

    def carrier_up(self, node: str) -> None:
        faults.set_carrier(self.host_prefix, self._port(node), up=True)

    def pause(self, node: str) -> None:
        """Freezes every process of a node. Its kernel goes on: it answers ARP and pings for the addresses it has."""
        self._engine("pause", self.node(node).name)

    def unpause(self, node: str) -> None:
        self._engine("unpause", self.node(node).name)

    def partition(self, one: Iterable[str], other: Iterable[str]) -> None:
        """Nothing passes between the two sides; a side names nodes, or clients as `client:NAME`."""
        left, right = [self._port(name) for name in one], [self._port(name) for name in other]
        faults.add_rules(self.host_prefix, faults.partition_rules(left, right))

    def block(self, protocol: int = VRRP, nodes: Iterable[str] = ()) -> None:
        """Drops an IP protocol between nodes (all, or from and to those named), both families; the rest passes."""
        faults.add_rules(self.host_prefix, faults.block_rules(protocol, [self._port(name) for name in nodes]))

    def lose(self, node: str, percent: int) -> None:
        """Drops frames from and to a node by chance."""
        faults.add_rules(self.host_prefix, faults.loss_rules(self._port(node), percent))

    def mend(self) -> None:
        """Undoes every `partition`, `block` and `lose`. Idempotent."""
        faults.mend(self.host_prefix)

    def firewall(self, node: str, protocol: int = VRRP) -> None:
        """On a node itself: drops an IP protocol in both directions."""
        for rule in faults.firewall(protocol):
            output_of([*self.node_prefix(node), "nft", rule])

    def firewall_off(self, node: str) -> None:
        """Idempotent."""
        commands.run([*self.node_prefix(node), "nft", faults.FIREWALL_OFF])

    def rules_in_force(self) -> list[str]:
        return faults.rules_in_force(self.host_prefix)

    def heal_all(self) -> None:
        """Whatever a test did to nodes and segment is undone: for fixtures. The API server is `api_server_start`."""
        self.mend()
        bridge = self.network().bridge
        for node in self.nodes():
            if node.status == "paused":
                self.unpause(node.name)
            commands.run([*namespaces.prefix_of(node.pid), "nft", faults.FIREWALL_OFF])
            port = outer_end(self.host_prefix, namespaces.prefix_of(node.pid))
            if port.master != bridge or "UP" not in port.flags:
                faults.attach(self.host_prefix, port.name, bridge)

    # --- the control plane and the kubelets ----------------------------------------------------------------------

    def api_server_stop(self) -> None:
        """Nobody listens on its port any more; the static pod's manifest is moved away, its process killed."""
        plane = self._control_plane()
        script = f"[ ! -e {API_SERVER_MANIFEST} ] || mv {API_SERVER_MANIFEST} {API_SERVER_AWAY}"
        self.exec(plane, ["sh", "-c", script])
        quiet_since = time.monotonic()
        deadline = quiet_since + 60
        while time.monotonic() - quiet_since < 2:  # a kubelet that has not looked yet starts it once more
            if time.monotonic() > deadline:
                raise ClusterError("the API server is started again and again")
            if pids := [one.pid for one in self.containers(plane, container="kube-apiserver")]:
                self.exec(plane, ["kill", "-KILL", *map(str, pids)], check=False)
                quiet_since = time.monotonic()
            time.sleep(0.3)

    def api_server_start(self, timeout_s: float = 120) -> None:
        """Undoes `api_server_stop` and waits until the API answers. Idempotent."""
        plane = self._control_plane()
        script = f"[ ! -e {API_SERVER_AWAY} ] || mv {API_SERVER_AWAY} {API_SERVER_MANIFEST}"
        self.exec(plane, ["sh", "-c", script])
        self.wait_for_api(timeout_s)

    def api_server_freeze(self) -> None:
        """It accepts connections and never answers. The kubelet's liveness probe restarts it after 80 s or so."""
        self._signal_api_server("STOP")

    def api_server_thaw(self) -> None:
        self._signal_api_server("CONT")

    def wait_for_api(self, timeout_s: float = 120) -> None:
        ask = [*self.host_prefix, "kubectl", "get", "--raw", "/readyz", "--request-timeout=2s"]
        deadline = time.monotonic() + timeout_s
        while not commands.succeeds(ask, env=self.environment, timeout_s=10):
            if time.monotonic() > deadline:
                raise ClusterError(f"the API server does not answer after {timeout_s:.0f} s")
            time.sleep(0.5)

    def kubelet_restart(self, node: str) -> None:
        self.exec(node, ["systemctl", "restart", "kubelet"])

    def kubelet_stop(self, node: str) -> None:
        """The containers go on."""
        self.exec(node, ["systemctl", "stop", "kubelet"])

    def kubelet_start(self, node: str) -> None:
        self.exec(node, ["systemctl", "start", "kubelet"])

    # --- inside --------------------------------------------------------------------------------------------------

    def _provider(self, name: str) -> Provider:
        return provider.make(name, self.paths, self.progress)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with exclusive(self.paths.cache / "lock", self.progress.say):
            yield

    def _known(self) -> State:
        known = state.load(self.paths.state)
        if known is None:
            raise guard.NotOurCluster("no test cluster was made here: run `.venv/bin/python -m tests.cluster up`")
        return known

    def check_guard(self, arguments: Sequence[str] = ()) -> None:
        """Raises NotOurCluster (`guard.py`); asks the cluster once, so later calls work with the API server down."""
        guard.refuse_other_targets(arguments)
        if self._marker_seen:
            return
        known, host, env = self._known(), self.host_prefix, self.environment
        context = output_of(["kubectl", "config", "current-context"], env=env).strip()
        guard.refuse_foreign_context(Path(env["KUBECONFIG"]), context, self.kubeconfig)
        marker = ["get", "configmap", "-n", guard.MARKER_NAMESPACE, guard.MARKER_NAME, "-o", "jsonpath={.data.marker}"]
        guard.refuse_foreign_marker(known, output_of([*host, "kubectl", *marker], env=env))
        self._marker_seen = True

    def _node_containers(self, source: Provider) -> list[str]:
        label = f"label=io.x-k8s.kind.cluster={CLUSTER_NAME}"
        listing = [source.engine, "ps", "--all", "--filter", label, "--format", "{{.Names}}"]
        return run(listing, env=source.environment()).stdout.split()

    def _all_running(self) -> bool:
        names = self._node_containers(self.provider)
        return bool(names) and all(node.status in ("running", "paused") for node in self.nodes())

    def _control_plane(self) -> str:
        return next(node.name for node in self.nodes() if node.role == "control-plane")

    def _signal_api_server(self, sign: str) -> None:
        plane = self._control_plane()
        self.signal(plane, [one.pid for one in self.containers(plane, container="kube-apiserver")], sign)

    def _engine(self, *arguments: str) -> None:
        output_of([self.provider.engine, *arguments], env=self.environment)

    def _run(
        self, argv: list[str], check: bool, timeout_s: float, stdin: str | None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = run(argv, env=env or self.environment, stdin=stdin, timeout_s=timeout_s)
        if check and done.returncode:
            raise CommandFailed(argv, done.returncode, done.stdout + done.stderr)
        return done

    def _port(self, name: str) -> str:
        """On the bridge, of a node or of `client:NAME`."""
        if name.startswith("client:"):
            return clients.port_name(name.removeprefix("client:"))
        return outer_end(self.host_prefix, self.node_prefix(name)).name

    def _may_touch_links(self) -> bool:
        """Root, and an engine whose bridge is on this machine."""
        return machine.is_root() and commands.succeeds([*self.host_prefix, "ip", "link", "show", self.network().bridge])

    def _taken(self, network: KindNetwork) -> set[Address]:
        taken: set[Address] = set(network.gateways)
        for node in self.nodes():
            taken.update(address for address in (node.ipv4, node.ipv6) if address)
        return taken

    def _as_client(self, name: str, addresses: Iterable[Address]) -> Client:
        by_family = {address.version: address for address in addresses}
        return Client(name, cast(IPv4Address, by_family[4]), cast(IPv6Address | None, by_family.get(6)))
