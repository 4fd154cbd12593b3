"""The acts of the demo, in their order. Everything they do, a user could type; what they measure, a client saw.

Whatever happens, the node that was cut off is healed and no probe is left running. The cluster stays, to play with.
"""

from __future__ import annotations

import time
from ipaddress import ip_address
from pathlib import Path

from tests.cluster import Cluster
from tests.cluster.network import Address
from tests.demo import firewall, moving
from tests.demo.screen import Screen
from tests.demo.stage import ANSWER_S, CLUSTER_COMMAND, QUIET_AFTER_S, QUIET_BEFORE_S, Stage, show_gap
from tests.e2e.support import examples, installation, kube
from tests.e2e.support.virtualips import Vip
from tests.e2e.support.waiting import wait_until

OWNER = "demo"
VIP_FILE, WEB_FILE = examples.EXAMPLES / "vip.yaml", examples.EXAMPLES / "web.yaml"


def play(screen: Screen, cluster: Cluster) -> None:
    _introduce(screen, cluster)
    _raise_cluster(screen, cluster)
    _install(screen, cluster)
    _start_web_servers(screen, cluster)
    stage = _apply(screen, cluster)
    _show_answer(screen, stage)
    _show_vip(screen, stage)
    active = _fail(screen, stage)
    _heal(screen, stage, active)
    firewall.show(screen, stage)
    moving.show(screen, stage)
    _say_goodbye(screen, stage)


def _introduce(screen: Screen, cluster: Cluster) -> None:
    again = " (the one that runs is used again)" if cluster.is_up() else ""
    screen.title(
        "vipkeeper",
        [
            "A virtual IP address on a real Kubernetes cluster,",
            "and what a client sees when its node fails.",
            "",
            "This will",
            " • make a kind cluster: one control plane, three nodes" + again,
            " • build this checkout's images and install the Helm chart",
            " • apply examples/vip.yaml and ask the address over HTTP",
            " • cut its node off, and measure",
            " • let a firewall drop VRRP on another node: no second owner",
            " • move the address by hand, and measure",
            "",
            "Without docker or podman and their registry (root on Debian),",
            "kind, Kubernetes and a node image are built here first, from",
            "source: 10 to 15 minutes, 4 GB, once. Debian packages are named",
            "before they are installed.",
            "",
            f"Kept in {cluster.paths.cache}",
            "Ctrl-C ends it at any time; `make demo-down` removes the cluster.",
        ],
    )


def _raise_cluster(screen: Screen, cluster: Cluster) -> None:
    screen.act("a cluster of one control plane and three nodes")
    cluster.up()
    cluster.heal_all()
    screen.command(f"{CLUSTER_COMMAND} kubectl get nodes")
    screen.output(cluster.kubectl("get", "nodes"))
    screen.done("the cluster is up")


def _install(screen: Screen, cluster: Cluster) -> None:
    screen.act("the chart")
    screen.command("helm install vipkeeper charts/vipkeeper --namespace vipkeeper")
    installation.install(cluster)
    screen.done("the chart is installed, the operator runs")


def _start_web_servers(screen: Screen, cluster: Cluster) -> None:
    screen.act("two web servers behind a Service, as the thing to be reached")
    web = examples.fit(WEB_FILE, _no_address)
    screen.command("kubectl apply -f examples/web.yaml")
    screen.output(cluster.apply(web.text))
    for item in web.objects:
        if item["kind"] == "Deployment":
            name, namespace = item["metadata"]["name"], item["metadata"].get("namespace", "default")
            cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", namespace, "--timeout=120s", timeout_s=150)
    screen.done("they run")


def _apply(screen: Screen, cluster: Cluster) -> Stage:
    screen.act("kubectl apply, and the address answers")
    _remove_last_time(cluster)
    example = examples.fit(VIP_FILE, lambda family: cluster.free_addresses(1, family, OWNER)[0])
    ((name, addresses),) = example.addresses.items()
    stage = Stage(cluster, cluster.client(OWNER), Vip(cluster, name, addresses), addresses[0])
    screen.yaml(_without_comments(example.text))
    screen.note(f"({addresses[0]} is a free address of this cluster's segment)")
    screen.command(f"kubectl apply -f {_shown(VIP_FILE)}")
    with stage.probing() as (pings, requests):
        begin_ns = time.monotonic_ns()
        screen.output(cluster.apply(example.text))
        wait_until(f"{stage.address} answers HTTP", stage.answers, ANSWER_S)
        answered_ns = [timeline.first_answer_ns or 0 for timeline in (pings.stop(), requests.stop())]
    took_s = (max(answered_ns) - begin_ns) / 1e9
    screen.done(
        f"http://{stage.address}/ answered {took_s:.1f} s after `kubectl apply` (the speaker pods started meanwhile)"
    )
    return stage


def _show_answer(screen: Screen, stage: Stage) -> None:
    screen.act(f"a client of the segment, {stage.client.ipv4}, asks through nginx on the address")
    screen.command(f"curl http://{stage.address}/")
    screen.output(stage.request()[1])


def _show_vip(screen: Screen, stage: Stage) -> None:
    stage.vip.wait_for("Ready", ANSWER_S)
    stage.show_vip(screen)


def _fail(screen: Screen, stage: Stage) -> str:
    active: str = stage.vip.status["activeNode"]
    screen.act(f"the node that holds the address, {active}, is cut off from the network")
    screen.command(f"{CLUSTER_COMMAND} cut {active}")
    with stage.probing() as (pings, requests):
        time.sleep(QUIET_BEFORE_S)
        stage.cluster.cut(active)
        wait_until("another node answers", stage.answers, ANSWER_S)
        time.sleep(QUIET_AFTER_S)
        seen_pings, seen_requests = pings.stop(), requests.stop()
    show_gap(screen, seen_pings, seen_requests)
    wait_until(
        "the status tells of the move", lambda: stage.vip.status.get("activeNode") not in (active, None), ANSWER_S
    )
    stage.show_vip(screen)
    return active


def _heal(screen: Screen, stage: Stage, active: str) -> None:
    screen.act(f"{active} is on the network again")
    screen.command(f"{CLUSTER_COMMAND} heal {active}")
    with stage.probing() as (pings, requests):
        stage.cluster.heal(active)
        stage.vip.wait_until_active_is(active, ANSWER_S)
        wait_until("the address answers", stage.answers, ANSWER_S)
        time.sleep(QUIET_AFTER_S)
        back = max(pings.stop().longest_gap().ms, requests.stop().longest_gap().ms)
    stage.vip.wait_for("Ready", ANSWER_S)
    screen.done(f"the address is back on it; nobody waited longer than {back:.0f} ms")
    stage.show_vip(screen)


def _say_goodbye(screen: Screen, stage: Stage) -> None:
    screen.title(
        f"That was all, in {screen.elapsed_s:.0f} s. The cluster is yours to play with",
        [
            "watch it move:",
            f"  {CLUSTER_COMMAND} kubectl get vip -w",
            f"  {CLUSTER_COMMAND} kubectl describe vip {stage.vip.name}",
            "fail a node (`heal`, `unpause` and `carrier-up` undo it):",
            f"  {CLUSTER_COMMAND} cut worker",
            f"  {CLUSTER_COMMAND} pause worker2",
            f"  {CLUSTER_COMMAND} carrier-down worker3",
            "ask it, as a client of its segment:",
            f"  nsenter --net={stage.client.namespace_path} curl http://{stage.address}/",
            "",
            "`make demo` plays it once more on the same cluster,",
            "`make demo-down` removes it.",
        ],
    )


# --- inside ----------------------------------------------------------------------------------------------------------


def _remove_last_time(cluster: Cluster) -> None:
    """The object of an earlier run, so that this one begins with `apply` as well; its address is free again."""
    (name,) = examples.fit(VIP_FILE, lambda family: cluster.network().prefix(family)[1]).addresses
    left = kube.find(cluster, "vip", name)
    if left:
        cluster.kubectl("delete", "vip", name)
        cluster.give_back([ip_address(address.split("/")[0]) for address in left["spec"]["addresses"]])


def _no_address(family: int) -> Address:
    raise AssertionError(f"examples/web.yaml claims no IPv{family} address")


def _without_comments(yaml_text: str) -> str:
    return "\n".join(line for line in yaml_text.splitlines() if not line.lstrip().startswith("#"))


def _shown(file: Path) -> str:
    return f"examples/{file.name}"
