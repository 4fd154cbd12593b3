"""docs/tutorial.md is true: every command in it is typed on hosts of a segment, and shows what the page shows.

A chapter ends with everything stopped, so each is played on hosts of its own. Those of a bare `$` (kubectl) are played
on the cluster, by tests/e2e/test_tutorial.py.
"""

from __future__ import annotations

import sys
from itertools import takewhile
from pathlib import Path

import pytest

from tests.netns import console
from tests.netns.console import Command, File, Shell, agrees, chapters
from tests.netns.lan import Lan

ROOT = Path(__file__).parents[2]
HOSTS = ("lb01", "lb02", "lb03", "web01", "web02", "client")
"""The last part of an address is the place in this list: lb01 is 192.0.2.1."""
TUTORIAL = chapters((ROOT / "docs/tutorial.md").read_text(), HOSTS)
ON_HOSTS = {
    title: steps
    for title, steps in TUTORIAL.items()
    if all(isinstance(step, File) or step.host != console.CLUSTER for step in steps)
}

SAMPLE = """
## One

```yaml
# vip.yaml, the same on lb01 and lb02
kind: VirtualIP
```
Then
```console
lb01# vipkeeper run -f vip.yaml --check
web: 192.0.2.10, ...
lb02# ip link
```
## Two
nothing
## Three
```console
$ kubectl get vip
```
"""


def test_a_document_is_read_as_files_and_commands_by_chapter() -> None:
    file = File("vip.yaml", ("lb01", "lb02"), "# vip.yaml, the same on lb01 and lb02\nkind: VirtualIP\n")
    check = Command("lb01", "vipkeeper run -f vip.yaml --check", ("web: 192.0.2.10, ...",))
    assert chapters(SAMPLE, HOSTS) == {
        "One": [file, check, Command("lb02", "ip link", ())],
        "Three": [Command(console.CLUSTER, "kubectl get vip", ())],
    }


@pytest.mark.parametrize(
    ("expected", "output", "right"),
    [
        (["12:00:00.1 IP a > b"], "23:59:59.123456 IP   a > b\n", True),
        (["12:00:00.1 IP a > b"], "23:59:59.123456 IP a > c\n", False),
        (["a", "b"], "a\nx\nb\n", False),
        (["a", "...", "b"], "a\nx\ny\nb\n", True),
        (["a ... c"], "a b c", True),
        (["eth0 UP 192.0.2.1/24"], "eth0@if7   UP    192.0.2.1/24 \n", True),
    ],
)
def test_what_is_shown_is_compared_without_what_never_is_the_same(
    expected: list[str], output: str, right: bool
) -> None:
    assert agrees(expected, output) is right


@pytest.fixture
def shells(lan: Lan) -> dict[str, Shell]:
    hosts = [lan.host(name) for name in HOSTS]
    return {host.name: Shell(host, lan.folder / host.name, Path(sys.executable).parent) for host in hosts}


@pytest.mark.root
@pytest.mark.requires("ip", "ping", "tcpdump", "nft", "curl", "nginx", "unshare", "openssl")
@pytest.mark.timeout(120, func_only=True)
@pytest.mark.parametrize("title", ON_HOSTS)
def test_chapter(title: str, shells: dict[str, Shell]) -> None:
    """Files that earlier chapters have made are there, so each can be tried alone."""
    for earlier in takewhile(lambda name: name != title, ON_HOSTS):
        console.write(ON_HOSTS[earlier], shells)
    console.play(ON_HOSTS[title], shells)
