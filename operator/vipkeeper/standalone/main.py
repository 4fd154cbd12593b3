"""What the `vipkeeper run` command does: check the files, and then run them.

Exit codes: 0 ended by a signal (or: the files are good), 1 the files are not good, 2 it cannot run here.

Tests: tests/unit/standalone/test_check.py, tests/netns/test_standalone.py.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import vipkeeper
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.standalone import log as run_log
from vipkeeper.standalone import secret_files
from vipkeeper.standalone.configuration import Documents, read_configuration
from vipkeeper.standalone.objects import Problem
from vipkeeper.standalone.options import Options
from vipkeeper.standalone.run import Run
from vipkeeper.standalone.state_dir import CannotStart, StateDir

GOOD, BAD_FILES, CANNOT_RUN = 0, 1, 2
_CAPABILITIES = {12: "CAP_NET_ADMIN", 13: "CAP_NET_RAW"}
_OF_NGINX = {0: "CAP_CHOWN", 5: "CAP_KILL", 6: "CAP_SETGID", 7: "CAP_SETUID"}
"""Where root starts it: its workers have a user of their own. Ports below 1024: nginx says it by itself."""

log = logging.getLogger("run")


def check(options: Options) -> int:
    """Say everything that is wrong, or what would run. Nothing is started."""
    documents, problems = read_configuration(options)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(_count_of(problems), file=sys.stderr)
        return BAD_FILES
    for file in secret_files.readable_by_others(documents.values()):
        print(f"{file}: a secret that others can read: chmod o-rwx", file=sys.stderr)
    for document in documents.values():
        print(_summary(document, options.node))
    return GOOD


def run(options: Options) -> int:
    run_log.set_up()
    documents, problems = read_configuration(options)
    for problem in problems:
        log.error("%s", problem)
    if problems:
        log.error("not started: %s", _count_of(problems))
        return BAD_FILES
    state_dir = StateDir(options.state_dir)
    try:
        as_root = os.geteuid() == 0 and any(document.nginx for document in documents.values())
        _demand_capabilities(Path("/proc/self/status").read_text(), nginx_as_root=as_root)
        state_dir.take(log.info)
    except CannotStart as error:
        log.error("%s", error)
        return CANNOT_RUN
    _run(options, state_dir, documents)
    return GOOD


def _run(options: Options, state_dir: StateDir, documents: Documents) -> None:
    log.info("vipkeeper run version=%s node=%s vips=%s", vipkeeper.__version__, options.node, ",".join(documents))
    try:
        Run(options, state_dir, documents).until_told_to_end()
    finally:
        state_dir.leave()
    log.info("ended")


def _demand_capabilities(status: str, *, nginx_as_root: bool = False) -> None:
    """`status`: /proc/self/status. Raises CannotStart."""
    wanted = _CAPABILITIES | (_OF_NGINX if nginx_as_root else {})
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    missing = [name for bit, name in wanted.items() if not effective & 1 << bit]
    if missing:
        raise CannotStart(f"{' and '.join(missing)} needed: run it as root, or as a service with these capabilities")


def _count_of(problems: list[Problem]) -> str:
    files = len({problem.place.file for problem in problems})
    return f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {files} file{'s' if files > 1 else ''}"


def _summary(document: RenderedVirtualIP, node: str) -> str:
    addresses = ", ".join(str(item.address) for item in document.addresses)
    health = document.health
    checks = 0 if health is None else len(health.http) + len(health.tcp)
    return (
        f"{document.name}: {addresses}, VRID {document.vrid}, priority {document.nodes[node].priority} on {node}, "
        f"an advertisement each {document.advertisement_interval_cs * 10} ms, checks: {checks}"
    )
