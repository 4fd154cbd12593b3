"""Runs the console blocks of a document as they stand there, in order, on hosts that are network namespaces.

A prompt says where a command is typed, and what follows is what must be seen:

    lb01# ip -brief address show to 192.0.2.10
    eth0  UP  192.0.2.10/32

`...` stands for anything in a line, a line of its own for any lines; a clock, a process id and the width of columns
are not compared. A person types slower than a test, so a question (ASKING) whose answer is not there yet is asked again
for a while; with nothing below it, the answer is nothing. Of other commands with nothing below, success is asked.

A yaml block whose first line is `# FILE, ... HOST ... HOST` is a file on these hosts.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.netns.lan import Host

PROMPT = re.compile(r"^(?:(?P<host>[a-z0-9]+)# |\$ )(?P<command>.+)$")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# (?P<name>[\w.-]+), (?P<hosts>.+)$")
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
ASKING = ("ip", "ping", "curl", "grep", "cat", "tail", "ls", "kubectl get", "kubectl describe")
PATIENCE_S, PAUSE_S = 25.0, 0.3
CLUSTER = ""
"""The host of a bare `$`: where kubectl works."""

_VOLATILE = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d{6}Z"), "MOMENT"),
    (re.compile(r"\b\d{4}-\d\d-\d\d\b"), "DATE"),
    (re.compile(r"\b\d\d:\d\d:\d\d(\.\d+)?"), "TIME"),
    (re.compile(r"\bpid=\d+"), "pid=N"),
    (re.compile(r"@if\d+"), ""),
    (re.compile(r"[ \t]+"), " "),
)

_SETUP = """
mount --make-rprivate /
mkdir -p /run/vipkeeper && mount -t tmpfs tmpfs /run/vipkeeper
hostname "$1"; cd "$2"; export HOME="$2" PATH="$3:$PATH"
exec bash --norc --noprofile
"""


@dataclass(frozen=True, slots=True)
class Command:
    host: str
    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    name: str
    hosts: tuple[str, ...]
    text: str


Step = Command | File


def chapters(text: str, hosts: Iterable[str]) -> dict[str, list[Step]]:
    """What is to be done, by heading; a chapter without anything is left out."""
    known = set(hosts)
    parts = HEADING.split(text)
    found = {
        title: list(_steps(body, known))
        for title, body in [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
    }
    return {title: steps for title, steps in found.items() if steps}


def _steps(body: str, hosts: set[str]) -> Iterator[Step]:
    for language, block in FENCE.findall(body):
        if language == "console":
            yield from _commands(block.splitlines())
        elif language == "yaml" and (named := FILE.match(block.splitlines()[0])):
            on = tuple(word for word in re.findall(r"[a-z0-9]+", named["hosts"]) if word in hosts)
            yield File(named["name"], on, block)


def _commands(lines: list[str]) -> Iterator[Command]:
    typed: re.Match[str] | None = None
    shown: list[str] = []
    for line in [*lines, "$ end"]:
        if prompt := PROMPT.match(line):
            if typed:
                yield Command(typed["host"] or CLUSTER, typed["command"], tuple(shown))
            typed, shown = prompt, []
        elif line.strip():
            assert typed, f"output of no command: {line}"
            shown.append(line)


def agrees(expected: Iterable[str], output: str) -> bool:
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
        for line in map(_plain, expected)
    )
    return (
        re.fullmatch(pattern, "".join(f"{_plain(line)}\n" for line in output.splitlines() if line.strip())) is not None
    )


def _plain(line: str) -> str:
    for volatile, name in _VOLATILE:
        line = volatile.sub(name, line)
    return line.strip()


class Prompt(Protocol):
    """Where commands are typed."""

    folder: Path

    def run(self, command: str) -> tuple[int, str]:
        """Its exit status and what it said."""


class Shell:
    """A root shell on a host: its own processes, its own /run/vipkeeper, its own folder, its name as host name."""

    def __init__(self, host: Host, folder: Path, programs: Path) -> None:
        self.folder = folder
        folder.mkdir()
        unshare = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._process: subprocess.Popen[str] = host.start(
            *unshare, "sh", "-ec", _SETUP, "sh", host.name, str(folder), str(programs),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.run("set -m")

    def run(self, command: str) -> tuple[int, str]:
        """Its exit status and what it said. A command in the background says it elsewhere."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        mark = secrets.token_hex(8)
        self._process.stdin.write(f"{{ {command}\n}} 2>&1 </dev/null; echo; echo {mark} $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(mark):
                return int(line.split()[1]), "".join(lines)
            lines.append(line)
        raise AssertionError(f"the shell ended at: {command}\n{''.join(lines)}")


def write(steps: Iterable[Step], shells: Mapping[str, Prompt]) -> None:
    """The files among them."""
    for step in steps:
        if isinstance(step, File):
            for host in step.hosts:
                (shells[host].folder / step.name).write_text(step.text)


def play(steps: Iterable[Step], shells: Mapping[str, Prompt]) -> None:
    for step in steps:
        if isinstance(step, File):
            write([step], shells)
        else:
            _type(step, shells[step.host])


def _type(command: Command, shell: Prompt) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        status, output = shell.run(command.text)
        asking = command.text.startswith(ASKING)
        seen = agrees(command.expected, output) if asking or command.expected else True
        if seen and (asking or status == 0):
            return
        if not asking or time.monotonic() > deadline:
            shown = "\n".join(command.expected)
            raise AssertionError(f"{command.host}# {command.text}\n{output}\n--- exit {status}; to be seen:\n{shown}")
        time.sleep(PAUSE_S)
