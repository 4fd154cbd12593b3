"""`vipkeeper`: one command for the image and for the developer.

It parses arguments and hands over; nothing is decided here. The three processes are *executed*, not called: each of
them pays only for what it imports itself (the engine must stay below 16 MiB), so this file imports the rest lazily.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

import vipkeeper

app = typer.Typer(
    name="vipkeeper",
    help="Highly available virtual IP addresses for Kubernetes on bare metal, and for plain hosts.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(vipkeeper.__version__)


@app.command()
def speaker() -> None:
    """Run the VRRP speaker (guard and engine). Settings come from the environment: see ARCHITECTURE.md."""
    _become("vipkeeper.engine")


@app.command()
def agent() -> None:
    """Run the agent of a speaker pod: it carries configuration to the engine and state to the API server."""
    _become("vipkeeper.agent")


@app.command()
def controller() -> None:
    """Run the operator: it turns VirtualIPs into ConfigMaps and DaemonSets, and fills their status."""
    _become("vipkeeper.controller")


@app.command()
def run(
    file: Annotated[
        list[str],
        typer.Option("--file", "-f", metavar="FILE", help="File with VirtualIPs; - is standard input. Repeatable."),
    ],
    node: Annotated[str, typer.Option(help="Name of this host in nodes.priorities; by default its host name.")] = "",
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=ADDRESS",
            help="Another host that runs the same files: its --node, and an address of it. Repeatable, also for "
            "further addresses of one host.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The key that this host shares with its peers: with it they hand addresses over without a gap.",
        ),
    ] = None,
    peer_port: Annotated[int, typer.Option(min=1, max=65535, help="UDP port of the engines on all hosts.")] = 7112,
    nginx: Annotated[
        str, typer.Option(metavar="PROGRAM", help="The nginx to start where a VirtualIP has an nginx section.")
    ] = "nginx",
    state_dir: Annotated[
        Path, typer.Option(help="Folder for sockets and state: one for each run on this host.")
    ] = Path("/run/vipkeeper"),
    check: Annotated[bool, typer.Option("--check", help="Tell every problem of the files, start nothing.")] = False,
) -> None:
    """Run VirtualIPs on this host, without Kubernetes: VRRP, health checks and nginx, from files.

    In the foreground and in this network namespace, until SIGTERM or Ctrl-C, which give the addresses away. SIGHUP
    reads the files again.
    """
    from vipkeeper.standalone import main  # pydantic, yaml: only for this command
    from vipkeeper.standalone.options import Options, parse_peer, peers_problem

    name = node or socket.gethostname().lower()
    try:
        peers = tuple(parse_peer(text) for text in peer or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--peer") from error
    if problem := peers_problem(peers, name):
        raise typer.BadParameter(problem, param_hint="--peer")
    if key_file is not None and not peers:
        raise typer.BadParameter("a key without --peer is of no use", param_hint="--key-file")
    key = key_file and key_file.absolute()
    options = Options(tuple(file), name, state_dir.absolute(), peers, key, peer_port, nginx)
    raise typer.Exit(main.check(options) if check else main.run(options))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A journal of an engine; - is standard input.", show_default=False)],
    router: Annotated[str, typer.Option(help="Only the timeline of routers with this in their name.")] = "",
    timeline: Annotated[bool, typer.Option("--timeline/--no-timeline", help="Tell what happened.")] = True,
) -> None:
    """Tell what an engine's journal says, and run it through the state machine again: does it still do the same?

    SIGUSR1 makes a speaker, or `vipkeeper run`, write a journal to journal/ in its state folder; an engine that
    crashes writes one by itself. A journal has no secrets in it: attach it to a bug report.

    Exit codes: 0 no difference, 1 the first difference of each router is shown, 2 the file is no journal.
    """
    from vipkeeper.cli.replay import show

    raise typer.Exit(show(file, router, with_timeline=timeline))


@app.command()
def crds(
    output: Annotated[Path, typer.Option(help="Folder for the two files.")] = Path("crds"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file differs.")] = False,
) -> None:
    """Generate the CustomResourceDefinitions from the Python types (`vipkeeper/spec`)."""
    from vipkeeper.spec.crd import crd_files  # pydantic: only for this command

    stale = []
    for name, text in crd_files().items():
        path = output / name
        if path.is_file() and path.read_text() == text:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for path in stale:
        typer.echo(f"{path}: {'differs from the Python types; run `make crds`' if check else 'written'}", err=check)
    if check and stale:
        raise typer.Exit(1)


@app.command()
def cleanup(
    namespace: Annotated[str, typer.Option(help="Namespace of the installation.")],
    timeout_seconds: Annotated[int, typer.Option(help="How long to wait for the speaker pods to end.")] = 60,
) -> None:
    """Remove what an uninstalled chart leaves in its namespace: ConfigMaps, VRRPSpeakers and Leases of ours.

    VirtualIPs and the CRDs stay. The chart runs this after `helm uninstall`.
    """
    from vipkeeper.controller.cleanup import cleanup_namespace  # kubernetes: only for this command

    for line in cleanup_namespace(namespace, timeout_seconds):
        typer.echo(line)


def _become(module: str) -> None:
    """Replace this process by `python -m module`, so that signals reach it and no memory is left behind."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module])


if __name__ == "__main__":
    app()
