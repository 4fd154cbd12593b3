"""A test body in namespaces of its own (network, mounts): a forked child unshares them, so nothing of it is ever left."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
import traceback
from collections.abc import Callable
from typing import NoReturn, ParamSpec

import pytest

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_REC, _MS_PRIVATE = 1 << 14, 1 << 18
_PR_SET_PDEATHSIG = 1

P = ParamSpec("P")


def in_a_child(body: Callable[[], None]) -> None:
    """Run `body` in a fork of this process; what it raises there is the test's failure."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _be_child(body, writer)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            failure = pipe.read().decode(errors="replace")
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        child = 0
    finally:
        if child:  # pytest's time limit
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if failure or status:
        pytest.fail(f"in the child, which ended with {status}:\n{failure}", pytrace=False)


def in_own_network(body: Callable[P, None]) -> Callable[P, None]:
    """Decorates a test (of root): only `lo` exists there."""

    @pytest.mark.root
    @pytest.mark.requires("ip")
    @functools.wraps(body)
    def test(*arguments: P.args, **named: P.kwargs) -> None:
        def child() -> None:
            _call("unshare", _CLONE_NEWNET)
            ip("link set lo up")
            body(*arguments, **named)

        in_a_child(child)

    return test


def in_own_mounts(body: Callable[P, None]) -> Callable[P, None]:
    """Decorates a test (of root): what it mounts nobody else sees."""

    @pytest.mark.root
    @functools.wraps(body)
    def test(*arguments: P.args, **named: P.kwargs) -> None:
        def child() -> None:
            _call("unshare", _CLONE_NEWNS)
            _call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
            body(*arguments, **named)

        in_a_child(child)

    return test


def ip(command: str) -> str:
    """iproute2."""
    done = subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {command}: {done.stderr}"
    return done.stdout


def _be_child(body: Callable[[], None], writer: int) -> NoReturn:
    status = 1
    try:
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        body()
        status = 0
    except BaseException:
        os.write(writer, traceback.format_exc().encode()[-60_000:])
    finally:
        os._exit(status)


def _call(function: str, *arguments: int | bytes | None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{function}: {os.strerror(ctypes.get_errno())}")
