"""The command line: `python -m tests.cluster VERB`. It parses, calls `Cluster`, prints; nothing is decided here."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from tests.cluster.cluster import Cluster
from tests.cluster.errors import ClusterError

PASSED_ON = ("kubectl", "helm", "host", "exec")


def main(argv: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _as_interrupt)
    arguments = parse(argv)
    try:
        verb: Callable[[Cluster, argparse.Namespace], None] = arguments.verb
        verb(Cluster(), arguments)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "interrupted; `.venv/bin/python -m tests.cluster down` removes what is left, `up` begins again",
            file=sys.stderr,
        )
        return 130
    return 0


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(name: str, verb: Callable[[Cluster, argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text, add_help=name not in PASSED_ON)
        sub.set_defaults(verb=verb)
        return sub

    add("up", lambda c, _: c.up(), "make the cluster (the first time: build the tools, 15 minutes without a registry)")
    add("down", lambda c, _: c.down(), "remove the cluster and everything made for it; caches stay")
    add("status", _status, "what runs, with which addresses")
    add("build", lambda c, _: c.build(), "only build the tools and the node image")
    add("images", lambda c, _: c.images(), "build the project's image and nginx and put them into the nodes")
    for tool in ("kubectl", "helm"):
        add(tool, _tool, f"{tool} on the test cluster").add_argument("rest", nargs=argparse.REMAINDER)
    add("host", _host, "run a command where bridge and API are: host -- CMD...").add_argument(
        "rest", nargs=argparse.REMAINDER
    )
    execute = add("exec", _exec, "run a command inside a node: exec NODE -- CMD...")
    execute.add_argument("node")
    execute.add_argument("rest", nargs=argparse.REMAINDER)
    for name, text in (
        ("cut", "take a node off the segment; carrier stays"),
        ("heal", "put it back"),
        ("carrier-down", "pull the cable of a node"),
        ("carrier-up", "plug it in"),
        ("pause", "freeze all processes of a node"),
        ("unpause", "let them go on"),
    ):
        add(name, _on_node(name.replace("-", "_")), text).add_argument("node")
    partition = add("partition", _partition, "let nothing pass between A and B: names with commas, client:NAME too")
    partition.add_argument("a")
    partition.add_argument("b")
    add("mend", lambda c, _: c.mend(), "undo all partitions")
    client = add("client", _client, "make a client on the segment and print its namespace")
    client.add_argument("name", nargs="?", default="1")
    client.add_argument("--delete", action="store_true")
    add("api-server-stop", lambda c, _: c.api_server_stop(), "take the API server down")
    add("api-server-start", lambda c, _: c.api_server_start(), "bring it back")
    return parser.parse_args(argv)


def _rest(arguments: argparse.Namespace) -> list[str]:
    rest: list[str] = arguments.rest
    return rest[1:] if rest[:1] == ["--"] else rest


def _become(argv: list[str], env: dict[str, str]) -> None:
    sys.stdout.flush()
    os.execvpe(argv[0], argv, env)


def _tool(cluster: Cluster, arguments: argparse.Namespace) -> None:
    tool = sys.argv[1]
    cluster.check_guard(arguments.rest)
    _become([*cluster.host_prefix, tool, *arguments.rest], cluster.environment)


def _host(cluster: Cluster, arguments: argparse.Namespace) -> None:
    _become([*cluster.host_prefix, *_rest(arguments)], cluster.environment)


def _exec(cluster: Cluster, arguments: argparse.Namespace) -> None:
    terminal = ["--interactive", "--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else ["--interactive"]
    node = cluster.node(arguments.node).name
    _become([cluster.provider.engine, "exec", *terminal, node, *_rest(arguments)], cluster.environment)


def _on_node(method: str) -> Callable[[Cluster, argparse.Namespace], None]:
    def verb(cluster: Cluster, arguments: argparse.Namespace) -> None:
        getattr(cluster, method)(arguments.node)

    return verb


def _partition(cluster: Cluster, arguments: argparse.Namespace) -> None:
    cluster.partition(arguments.a.split(","), arguments.b.split(","))


def _client(cluster: Cluster, arguments: argparse.Namespace) -> None:
    if arguments.delete:
        cluster.remove_client(arguments.name)
        return
    client = cluster.client(arguments.name)
    print(client.namespace)
    print(f"{client.interface}: {client.ipv4} {client.ipv6 or ''}", file=sys.stderr)


def _status(cluster: Cluster, _arguments: argparse.Namespace) -> None:
    if not cluster.is_up():
        raise ClusterError("the test cluster is not up")
    network = cluster.network()
    print(f"provider    {cluster.provider.name}")
    print(f"kubeconfig  {cluster.kubeconfig}")
    print(f"run there   {' '.join(cluster.host_prefix) or '(no prefix needed)'}")
    print(f"network     {network.ipv4} {network.ipv6 or '(no IPv6)'} on {network.bridge}")
    for node in cluster.nodes():
        cut = " cut" if node.status == "running" and cluster.is_cut(node.name) else ""
        print(f"{node.short_name:<15} {node.status}{cut}  {node.ipv4} {node.ipv6 or ''}")
    for name in cluster.client_names():
        client = cluster.client(name)
        print(f"client {name:<8} {client.namespace}  {client.ipv4} {client.ipv6 or ''}")
    for rule in cluster.rules_in_force():
        print(f"fault       {rule}")
