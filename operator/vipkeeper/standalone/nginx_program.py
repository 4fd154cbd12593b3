"""The nginx of this host: where it is, what it was built with, how it is called, and its test of a configuration.

What a rendered nginx.conf leaves to whoever knows the installation (`daemon`, `user`, `error_log`, modules) is given on
the command line, as the sidecar's entry script does it.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

DEFAULT = "nginx"
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
"""A user's PATH may be without them."""
_WORKERS = ("nginx", "www-data", "nobody")
_MAY_TAKE_S = 30.0
_VERSION = re.compile(r"nginx version: \S+?/(\d+)\.(\d+)\.(\d+)")
_MODULES = re.compile(r"--modules-path=(\S+)")
_KNOWS_E = (1, 19, 5)
"""Older ones have no option -e, and complain once of a log that they can't open."""


def find(named: str) -> str | None:
    """Absolute path of the program. None: it is not there, or can't be executed."""
    path = f"{os.environ.get('PATH', '')}:{_SYSTEM_FOLDERS}"
    found = shutil.which(named, path=path)
    return str(Path(found).absolute()) if found else None


def problem_of(named: str) -> str:
    """Why it can't be used; empty: it can."""
    path = find(named)
    if path is None:
        return f"there is no program {named} on this host (looked for in PATH and the sbin folders)"
    try:
        look_at(path)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path} is no nginx that runs here ({error})"
    return ""


@dataclass(frozen=True, slots=True)
class NginxProgram:
    path: str
    knows_e: bool
    stream_module: str
    """To load; empty: it is built in, or not there at all."""

    def command(self, configuration: Path, *more: str, settings: str = "") -> list[str]:
        early = ["-e", "stderr"] if self.knows_e else []
        return [self.path, *early, *more, "-c", str(configuration), "-g", f"{self._settings()} {settings}".strip()]

    def _settings(self) -> str:
        load = f"load_module {_quoted(self.stream_module)}; " if self.stream_module else ""
        user = f"user {_user_and_group()}; " if os.geteuid() == 0 else ""
        return f"{load}daemon off; {user}error_log stderr warn;"

    def passes(self, configuration: Path) -> tuple[bool, str]:
        """And what it said. Blocks for as long as nginx looks host names up."""
        command = self.command(configuration, "-t")
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MAY_TAKE_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return False, f"{self.path} -t: {error}"
        return done.returncode == 0, (done.stderr + done.stdout).decode(errors="replace")


def look_at(path: str) -> NginxProgram:
    """Raises OSError when it is no program that runs here."""
    done = subprocess.run([path, "-V"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_MAY_TAKE_S, check=False)
    told = done.stderr.decode(errors="replace")
    version = _VERSION.search(told)
    if version is None:
        raise OSError(f"{path} -V does not tell the version of an nginx")
    modules = _MODULES.search(told)
    module = Path(modules[1] if modules else "/nowhere") / "ngx_stream_module.so"
    is_module = "--with-stream=dynamic" in told and module.exists()
    return NginxProgram(path, tuple(map(int, version.groups())) >= _KNOWS_E, str(module) if is_module else "")


def setting(name: str, path: Path, *more: str) -> str:
    return " ".join([name, _quoted(str(path)), *more]) + ";"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _user_and_group() -> str:
    """For the workers: the first one that this host has."""
    for name in _WORKERS:
        try:
            user = pwd.getpwnam(name)
            return f"{name} {grp.getgrgid(user.pw_gid).gr_name}"
        except KeyError:
            continue
    return "root"
