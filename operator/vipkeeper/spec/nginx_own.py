"""What an nginx.conf of the user's own must be, before it goes to the nodes. What it means, nginx says there. Pure.

Tests: tests/unit/spec/test_nginx_own.py
"""

from __future__ import annotations

from collections.abc import Mapping

from vipkeeper.ipc.rendered_nginx import OwnConfiguration
from vipkeeper.spec import nginx_text

MAX_LENGTH = 65536
OURS = frozenset(
    [
        "user",
        "daemon",
        "master_process",
        "pid",
        "lock_file",
        "error_log",
        "events",
        "load_module",
        "worker_processes",
        "worker_rlimit_nofile",
        "worker_rlimit_core",
        "worker_cpu_affinity",
        "worker_priority",
        "worker_shutdown_timeout",
        "timer_resolution",
        "pcre_jit",
        "working_directory",
        "debug_points",
        "ssl_engine",
        "thread_pool",
        "env",
    ]
)
"""Directives at the top level that belong to the process, which all VirtualIPs share: passed over."""


def own_configuration_problem(
    own: OwnConfiguration, config_maps: Mapping[str, Mapping[str, str]], namespace: str
) -> tuple[str, bool]:
    """Why it can't be taken ("": it can), and whether something is missing. `config_maps`: texts by name and key."""
    path = "spec.nginx.configMapRef"
    if own.config_map not in config_maps:
        return f"{path}: there is no ConfigMap {own.config_map} in namespace {namespace}", True
    if own.key not in config_maps[own.config_map]:
        return f"{path}: ConfigMap {namespace}/{own.config_map} has no key {own.key}", True
    problem = text_problem(config_maps[own.config_map][own.key])
    return (
        (f"{path}: key {own.key} of ConfigMap {namespace}/{own.config_map}: {problem}", False)
        if problem
        else ("", False)
    )


def text_problem(text: str) -> str:
    if len(text) > MAX_LENGTH:
        return f"has {len(text)} characters, {MAX_LENGTH} is the most"
    try:
        directives = nginx_text.parse(text)
    except nginx_text.BadText as error:
        return str(error)
    for item in directives:
        name = item["directive"]
        if name in ("http", "stream"):
            if "block" not in item:
                return f'line {item["line"]}: "{name}" has no block'
        elif name not in OURS and name != "include":
            return f'line {item["line"]}: "{name}" can\'t stand at the top level here: http and stream can'
    levels = [item for item in directives if item["directive"] in ("http", "stream")]
    if not any(inner["directive"] == "server" for item in levels for inner in item["block"]):
        return "has no server in http or stream"
    return ""
