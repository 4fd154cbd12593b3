"""Runs programs. Every other module that needs a program comes through here.

A child has a session of its own: Ctrl-C reaches us alone, and we end the whole family of the child, so no compiler
or half-made image is left running behind a prompt. Where we are killed ourselves, the kernel tells a long command.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.cluster.errors import CommandFailed

GRACE_S = 10
DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()


def output_of(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
    timeout_s: float = 120,
) -> str:
    """The standard output of a short command; CommandFailed with what it said where it fails."""
    done = run(argv, env=env, stdin=stdin, cwd=cwd, timeout_s=timeout_s)
    if done.returncode:
        raise CommandFailed(list(argv), done.returncode, done.stdout + done.stderr)
    return done.stdout


def succeeds(argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout_s: float = 60) -> bool:
    try:
        return run(argv, env=env, timeout_s=timeout_s).returncode == 0
    except (CommandFailed, OSError):
        return False


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
    timeout_s: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Like subprocess.run with text, but a child that outlives its time dies with its whole family."""
    with _start(argv, env, cwd, subprocess.PIPE, subprocess.PIPE, stdin is not None) as child, _family(child):
        try:
            out, err = child.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise CommandFailed(list(argv), -1, f"no end after {timeout_s:.0f} s") from None
    return subprocess.CompletedProcess(list(argv), child.returncode, out, err)


def run_logged(
    argv: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 3600,
    every_s: float = 20,
    alive: Callable[[Path], None] | None = None,
) -> None:
    """A long command: everything it says goes into the log, which the error names."""
    with log.open("ab") as sink:
        sink.write(f"$ {' '.join(argv)}\n".encode())
        sink.flush()
        with _start([*DIES_WITH_US, *argv], env, cwd, sink, subprocess.STDOUT, False) as child, _family(child):
            waited_s = 0.0
            while True:
                try:
                    child.wait(every_s)
                    break
                except subprocess.TimeoutExpired:
                    waited_s += every_s
                    if waited_s >= timeout_s:
                        raise CommandFailed(list(argv), -1, f"no end after {timeout_s:.0f} s", log) from None
                    if alive:
                        alive(log)
    if child.returncode:
        raise CommandFailed(list(argv), child.returncode, log.read_text(errors="replace"), log)


def _start(
    argv: Sequence[str],
    env: Mapping[str, str] | None,
    cwd: Path | None,
    stdout: int | IO[bytes],
    stderr: int,
    with_stdin: bool,
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(argv),
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.PIPE if with_stdin else subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError as missing:
        raise CommandFailed(list(argv), 127, f"not found: {missing.filename}") from None


class _family:  # noqa: N801 - reads as a verb where it is used
    """Leaves no child behind when its block is left by an exception."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, _value: object, _traceback: object) -> None:
        if kind is None or self.child.poll() is not None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.child.pid, sign)
                self.child.wait(GRACE_S)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue
            return
