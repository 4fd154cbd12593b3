"""The files by which nginx is led and watched (ARCHITECTURE.md), from the side of who leads.

In a cluster agent and nginx sidecar share them, under `/run/vipkeeper/nginx`. Without Kubernetes the run has them to
itself, and does what the sidecar's entry script does (`standalone/nginx_files.py`).
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.nginx import unix_http

TIMEOUT_S = 1.0
MAX_WORDS = 1000

log = logging.getLogger("nginx")

_EMERGENCY = re.compile(r"\[emerg\] (?:\d+#\d+: )?(.*)")


@dataclass(frozen=True, slots=True)
class Result:
    """What the entry script wrote after a test."""

    generation: str
    ok: bool
    output: str
    written_ns: int
    """Time of the file: tells an answer to this request from one to an earlier request."""


class NginxFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, text: str) -> bool:
        """nginx.conf, aside and renamed, and only when it differs. False when it was so already."""
        path = self._folder / "nginx.conf"
        try:
            if path.read_text() == text:
                return False
        except (OSError, ValueError):
            pass
        new = path.with_name("nginx.conf.new")
        new.write_text(text)
        new.rename(path)
        return True

    def good_documents(self) -> tuple[RenderedVirtualIP, ...]:
        """Of the configuration that nginx ran last, as far as an agent of this pod has seen it run."""
        try:
            values = json.loads((self._folder / "good-documents.json").read_text())
            return tuple(RenderedVirtualIP.from_json(value) for value in values)
        except (OSError, ValueError, TypeError):
            return ()

    def keep_good_documents(self, documents: Iterable[RenderedVirtualIP]) -> None:
        """For the next agent. Not to be able to is no reason to stop."""
        new = self._folder / "good-documents.json.new"
        try:
            new.write_text(json.dumps([document.to_json() for document in documents]))
            new.rename(new.with_name("good-documents.json"))
        except OSError as error:
            log.warning("good-documents.json can't be written: %s", error)

    def write_certificates(self, certificates: Mapping[str, bytes]) -> None:
        """Readable for the group alone, to which nginx' master belongs. The names tell the content."""
        folder = self._folder / "tls"
        for name, content in certificates.items():
            if (folder / name).exists():
                continue
            folder.mkdir(mode=0o750, exist_ok=True)
            new = folder / f"{name}.new"
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
                file.write(content)
            new.rename(folder / name)

    def remove_unused_certificates(self) -> None:
        """Those that nothing names which nginx may start with."""
        texts = [self._text(name) for name in ("nginx.conf", "running.conf", "good.conf", "good-documents.json")]
        folder = self._folder / "tls"
        for file in folder.iterdir() if folder.is_dir() else ():
            version = file.stem.rpartition("-")[2]
            if not any(version in text for text in texts):
                file.unlink(missing_ok=True)

    def _text(self, name: str) -> str:
        try:
            return (self._folder / name).read_text(errors="replace")
        except OSError:
            return ""

    def request_reload(self, generation: str) -> None:
        """Raises OSError while the entry script does not listen; it reads nginx.conf when it starts."""
        fifo = os.open(self._folder / "reload", os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(fifo, generation.encode() + b"\n")
        finally:
            os.close(fifo)

    def result(self) -> Result | None:
        path = self._folder / "result.json"
        try:
            written_ns = path.stat().st_mtime_ns
            value = json.loads(path.read_text(errors="replace"))
            return Result(str(value["generation"]), bool(value["ok"]), str(value["output"]), written_ns)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def emergency(self) -> str:
        """Why a tested configuration did not come up, in nginx's words."""
        try:
            return words((self._folder / "emergency.log").read_text(errors="replace"))
        except OSError:
            return ""

    def running_generation(self) -> str | None:
        """None while nginx does not answer."""
        try:
            status, body = unix_http.get(self._folder / "status.sock", "/generation", TIMEOUT_S)
        except (OSError, http.client.HTTPException):
            return None
        return body if status == 200 else None


def words(output: str) -> str:
    """The lines of nginx's output that say why, each once, without date and process."""
    reasons = _EMERGENCY.findall(output) or [line.strip() for line in output.splitlines()]
    return "\n".join(line for line in dict.fromkeys(reasons) if line)[:MAX_WORDS]
