"""`python until_parent_ends.py PARENT PROGRAM ARGUMENT...`: become PROGRAM, which gets SIGQUIT when PARENT ends.

A program of its own, because that is for a process to ask for itself, after the fork and before the exec. SIGQUIT: nginx
lets go of its ports at once, and finishes what it has begun.

Tests: tests/netns/test_standalone_nginx_processes.py, test_standalone_nginx_ends.py
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
    if os.getppid() == parent:  # else it has ended before we asked
        os.execv(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
