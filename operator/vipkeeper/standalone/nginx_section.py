"""What of an nginx section can't be served on a host without Kubernetes, as `field: reason`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from vipkeeper.standalone import nginx_program
from vipkeeper.standalone.options import Options

SERVICE = (
    "Services are Kubernetes', and there is none here that could tell their endpoints; write the backends as "
    "`servers` (address, port)"
)
CONFIG_MAP = "there is no API server that could be asked for a ConfigMap"
_MAX_SOCKET_PATH_BYTES = 107


def problems(section: object, options: Options) -> Iterator[str]:
    """`section`: as it was written."""
    if problem := nginx_program.problem_of(options.nginx):
        yield f"spec.nginx: {problem}; install nginx, or name it with --nginx PROGRAM"
    if len(os.fsencode(options.state_dir / "nginx" / "status.sock")) > _MAX_SOCKET_PATH_BYTES:
        yield f"spec.nginx: --state-dir {options.state_dir} is too long a path for a unix socket of nginx in it"
    if isinstance(section, Mapping):
        if section.get("configMapRef") is not None:
            yield f"spec.nginx.configMapRef: {CONFIG_MAP}"
        yield from (f"{path}: {SERVICE}" for path in _services(section, "spec.nginx"))


def _services(value: Mapping[str, Any], path: str) -> Iterator[str]:
    """Every `upstream.service`."""
    for name, item in value.items():
        if name == "upstream" and isinstance(item, Mapping) and item.get("service") is not None:
            yield f"{path}.upstream.service"
        elif isinstance(item, Mapping):
            yield from _services(item, f"{path}.{name}")
        elif isinstance(item, list):
            for index, one in enumerate(item):
                if isinstance(one, Mapping):
                    yield from _services(one, f"{path}.{name}[{index}]")
