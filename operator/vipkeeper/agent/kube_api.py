"""The API server over plain HTTP: paths and JSON in, JSON out.

urllib3 alone, without the kubernetes package: that imports every model of the API at once and weighs 20 MiB, half
of what the agent may have (measured: 43 MiB resident against 24). What is left to do here is little: the token is
read anew for every request, because the kubelet rotates it, and so is the CA whenever its file changed.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
PAGE = 500

_KEEPALIVE = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 3),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 6000),
]
"""A watch sends nothing, so only the kernel can find out that the other machine has gone: here in 6 s."""

# A refused connection is reported once by who asked, not each time by the library.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class ApiUnreachable(Exception):
    """No whole answer came. Nothing is known."""


class ApiRefused(Exception):
    """The API server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Where the API server is and how to be let in."""

    url: str
    folder: Path | None = None
    """Holds `token` and `ca.crt` (the projected volume)."""

    @staticmethod
    def in_cluster(environment: Mapping[str, str]) -> ApiAccess:
        host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
        host = f"[{host}]" if ":" in host else host
        return ApiAccess(f"https://{host}:{port}", Path("/var/run/secrets/kubernetes.io/serviceaccount"))


class KubeApi:
    """Safe to be used by several threads. Never retries."""

    def __init__(self, access: ApiAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._ca_version = -1
        self._pool: urllib3.HTTPConnectionPool | None = None

    def get(self, path: str) -> dict[str, Any]:
        return self._request("GET", path)

    def list(self, path: str, selectors: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
        """All objects, and the resource version from which to watch."""
        items: list[dict[str, Any]] = []
        query = dict(selectors) | {"limit": str(PAGE)}
        while True:
            answer = self._request("GET", path, query)
            items += answer.get("items") or []
            metadata = answer.get("metadata") or {}
            if not metadata.get("continue"):
                return items, str(metadata.get("resourceVersion", ""))
            query["continue"] = metadata["continue"]

    def apply(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Server-side apply: made when absent, changed to `body`, fields of ours that `body` lacks are removed."""
        query = {"fieldManager": "vipkeeper-agent", "force": "true"}
        return self._request("PATCH", path, query, body, "application/apply-patch+yaml")

    def watch(self, path: str, query: Mapping[str, str], read_timeout_s: float) -> Stream:
        """An open watch. Raises as the others do."""
        response = self._send("GET", path, query, read_timeout_s=read_timeout_s, stream=True)
        if response.status >= 300:
            message = _body(response)
            raise ApiRefused(response.status, _reason(message))
        return Stream(response)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        response = self._send(method, path, query or {}, body, content_type)
        if response.status >= 300:
            raise ApiRefused(response.status, _reason(response.data))
        try:
            answer: dict[str, Any] = json.loads(response.data)
        except ValueError as error:
            raise ApiUnreachable(f"{method} {path}: not JSON") from error
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: dict[str, Any] | None = None,
        content_type: str = "application/json",
        read_timeout_s: float = READ_TIMEOUT_S,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Accept": "application/json", "Content-Type": content_type, "User-Agent": "vipkeeper-agent"}
        try:
            if self._access.folder is not None:
                headers["Authorization"] = f"Bearer {(self._access.folder / 'token').read_text().strip()}"
            return self._connections().urlopen(
                method,
                f"{path}?{urlencode(query)}" if query else path,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
                retries=False,
                preload_content=not stream,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiUnreachable(f"{method} {path}: {error}") from error

    def _connections(self) -> urllib3.HTTPConnectionPool:
        folder = self._access.folder
        ca_version = (folder / "ca.crt").stat().st_mtime_ns if folder is not None else 0
        with self._lock:
            if self._pool is None or ca_version != self._ca_version:
                trust = {"ca_certs": str(folder / "ca.crt")} if folder is not None else {}
                options = urllib3.connection.HTTPConnection.default_socket_options + _KEEPALIVE
                self._pool = urllib3.connection_from_url(
                    self._access.url, maxsize=4, block=False, socket_options=options, **trust
                )
                self._ca_version = ca_version
            return self._pool


class Stream:
    """The lines of an open watch. `close` may be called from another thread and wakes the reader."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def lines(self) -> Iterator[bytes]:
        rest = b""
        try:
            for chunk in self._response.stream(1 << 16):
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (line for line in whole if line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ApiUnreachable(f"watch: {error}") from error
        finally:
            self._response.close()

    def close(self) -> None:
        try:
            self._response.shutdown()
        except (ValueError, OSError, RuntimeError):
            pass  # it has ended already


def _body(response: urllib3.BaseHTTPResponse) -> bytes:
    try:
        return response.read()
    except (urllib3.exceptions.HTTPError, OSError):
        return b""
    finally:
        response.close()


def _reason(body: bytes) -> str:
    """The words of a metav1.Status."""
    try:
        return str(json.loads(body).get("message", ""))
    except (ValueError, AttributeError):
        return body[:200].decode(errors="replace")


def namespaced(group_version: str, namespace: str, plural: str, name: str = "") -> str:
    """URL path, e.g. namespaced("v1", "default", "pods")."""
    root = "/api/v1" if group_version == "v1" else f"/apis/{group_version}"
    return f"{root}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")
