"""The chapter of docs/tutorial.md that plays in a cluster: every command of it is typed, and shows what the page shows.

The page's address and node names are put in place of the cluster's. tests/netns/test_tutorial.py has the other chapters.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.paths import ROOT
from tests.e2e.support import examples
from tests.e2e.support.lab import Lab
from tests.netns import console
from tests.netns.console import Command, chapters

ADDRESS = "192.0.2.10"
IN_CLUSTER = {
    title: steps
    for title, steps in chapters((ROOT / "docs/tutorial.md").read_text(), ()).items()
    if any(isinstance(step, Command) and step.host == console.CLUSTER for step in steps)
}


class Typed:
    """A prompt of the page; `run` is that of the cluster."""

    def __init__(self, folder: Path, names: dict[str, str], run: Callable[[str], tuple[int, str]]) -> None:
        self.folder = folder
        self._names, self._run = names, run

    def run(self, command: str) -> tuple[int, str]:
        for written, real in self._names.items():
            command = command.replace(written, real)
        status, output = self._run(command)
        for written, real in sorted(self._names.items(), key=lambda item: -len(item[1])):
            output = output.replace(real, written)
        return status, output


@pytest.fixture
def prompts(lab: Lab, tmp_path: Path) -> Iterator[dict[str, Typed]]:
    (address,) = lab.cluster.free_addresses(1, 4, "tutorial")
    (tmp_path / "examples").mkdir()
    for name in ("web.yaml", "vip.yaml"):
        (tmp_path / "examples" / name).write_text(examples.fit(examples.EXAMPLES / name, lambda _: address).text)
    names = {ADDRESS: str(address)} | {f"worker{index}": node for index, node in enumerate(lab.workers, 1)}

    def shell(*prefix: str) -> Callable[[str], tuple[int, str]]:
        def run(command: str) -> tuple[int, str]:
            done = subprocess.run(
                [*prefix, "bash", "-c", f"cd {tmp_path}; {{ {command}\n}} 2>&1"],
                env=lab.cluster.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=120,
                check=False,
            )  # fmt: skip
            return done.returncode, done.stdout

        return run

    prefixes = {console.CLUSTER: lab.cluster.host_prefix, "client": lab.client.prefix}
    prefixes |= {f"worker{index}": lab.cluster.node_prefix(node) for index, node in enumerate(lab.workers, 1)}
    yield {host: Typed(tmp_path, names, shell(*prefix)) for host, prefix in prefixes.items()}
    for name in ("vip.yaml", "web.yaml"):
        lab.cluster.delete((tmp_path / "examples" / name).read_text())
    for node in lab.workers:
        subprocess.run([*lab.cluster.node_prefix(node), "nft", "delete", "table", "inet", "firewall"], check=False)
    lab.owners.wait_for(address, [], 30)
    lab.cluster.give_back([address])


@pytest.mark.parametrize("title", IN_CLUSTER)
def test_chapter(title: str, prompts: dict[str, Typed]) -> None:
    console.play(IN_CLUSTER[title], prompts)
