"""A small API server for the agent's tests: list, watch, get, server-side apply, over real HTTP on loopback.

It can be stopped and started on the same port, fall silent with its connections open, and forget its history, as the
real one does. What the real one makes of our requests is shown by the e2e tests.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]

_TERM = re.compile(r"([^=, ]+)(?:=| in )(\([^)]*\)|[^,]*)")


def wait_for(condition: Callable[[], object], what: str, limit_s: float = 20) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {limit_s} s for {what}"
        time.sleep(0.01)


def selected(item: Object, query: dict[str, str]) -> bool:
    labels = item["metadata"].get("labels") or {}
    for key, values in _TERM.findall(query.get("labelSelector", "")):
        if labels.get(key) not in values.strip("()").split(","):
            return False
    field, _, value = query.get("fieldSelector", "").partition("=")
    if field == "spec.nodeName":
        return bool(item["spec"]["nodeName"] == value)
    return not value or item["metadata"]["name"] == value


class ApiServer:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.objects: dict[str, Object] = {}
        self.events: list[tuple[int, str, Object | None, Object | None]] = []
        """Version, collection, before, after."""
        self.oldest = 0
        self.version = 1
        self.requests: list[tuple[str, str]] = []
        self.writes: list[tuple[str, Object]] = []
        self.refuse: dict[str, int] = {}
        """Status by collection or object path."""
        self.silent = False
        self.watches = 0
        self.running = False
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_address[1]
        self.running = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """All connections break, new ones are refused."""
        with self.changed:
            self.running = False
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._server.break_connections()
        self._thread.join()

    def put(self, path: str, item: Object) -> None:
        with self.changed:
            self.version += 1
            item = json.loads(json.dumps(item))
            item.setdefault("metadata", {}).update(name=path.rsplit("/", 1)[1], resourceVersion=str(self.version))
            before = self.objects.get(path)
            self.objects[path] = item
            self.events.append((self.version, path.rsplit("/", 1)[0], before, item))
            self.changed.notify_all()

    def delete(self, path: str) -> None:
        with self.changed:
            self.version += 1
            before = self.objects.pop(path)
            before = before | {"metadata": before["metadata"] | {"resourceVersion": str(self.version)}}
            self.events.append((self.version, path.rsplit("/", 1)[0], before, None))
            self.changed.notify_all()

    def forget(self) -> None:
        """Every version so far is too old to watch from."""
        with self.changed:
            self.version += 10
            self.oldest = self.version
            self.changed.notify_all()

    def count(self, method: str, path: str) -> int:
        return sum(1 for request in list(self.requests) if request == (method, path))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments: Any) -> None:
        self.open: set[Any] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        for connection in list(self.open):
            try:
                connection.shutdown(2)
            except OSError:
                pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    api: ApiServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.api.requests.append(("WATCH" if "watch" in query else "GET", url.path))
        if self._refused(url.path):
            return
        if "watch" in query:
            self._watch(url.path, query)
        elif url.path in self.api.objects:
            self._answer(200, self.api.objects[url.path])
        elif url.path.rsplit("/", 1)[1].endswith("s") and "virtualip-" not in url.path:
            self._list(url.path, query)
        else:
            self._answer(404, {"kind": "Status", "message": "not found"})

    def do_PATCH(self) -> None:
        url = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.api.requests.append(("PATCH", url.path))
        if self._refused(url.path):
            return
        path = url.path.removesuffix("/status")
        if path != url.path and path not in self.api.objects:
            self._answer(404, {"kind": "Status", "message": "not found"})
            return
        self.api.writes.append((url.path, body))
        self.api.put(path, self.api.objects.get(path, {}) | body)
        self._answer(200, self.api.objects[path])

    def _refused(self, path: str) -> bool:
        while self.api.silent and self.api.running:
            time.sleep(0.02)
        if path in self.api.refuse:
            self._answer(self.api.refuse[path], {"kind": "Status", "message": "forbidden"})
            return True
        return False

    def _answer(self, status: int, body: Object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _list(self, path: str, query: dict[str, str]) -> None:
        """In pages of two, so that paging is used."""
        with self.api.changed:
            items = [
                item
                for name, item in sorted(self.api.objects.items())
                if name.rsplit("/", 1)[0] == path and selected(item, query)
            ]
            version = str(self.api.version)
        begin = int(query.get("continue", 0))
        metadata = {"resourceVersion": version}
        if begin + 2 < len(items):
            metadata["continue"] = str(begin + 2)
        self._answer(200, {"metadata": metadata, "items": items[begin : begin + 2]})

    def _watch(self, path: str, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        seen = int(query["resourceVersion"])
        ends_s = time.monotonic() + float(query["timeoutSeconds"])
        self.api.watches += 1
        try:
            while self.api.running and time.monotonic() < ends_s:
                with self.api.changed:
                    new = [event for event in self.api.events if event[0] > seen]
                    if not new and seen >= self.api.oldest:
                        self.api.changed.wait(0.05)
                        continue
                if self.api.silent:
                    time.sleep(0.02)
                    continue
                if seen < self.api.oldest:
                    self._line("ERROR", {"kind": "Status", "code": 410, "message": "too old"})
                    return
                for version, collection, before, after in new:
                    seen = version
                    if collection == path:
                        self._tell(query, before, after)
            self.wfile.write(b"0\r\n\r\n")
        finally:
            self.api.watches -= 1

    def _tell(self, query: dict[str, str], before: Object | None, after: Object | None) -> None:
        was = before is not None and selected(before, query)
        if after is not None and selected(after, query):
            self._line("MODIFIED" if was else "ADDED", after)
        elif was and before is not None:
            self._line("DELETED", before)

    def _line(self, kind: str, item: Object) -> None:
        data = json.dumps({"type": kind, "object": item}).encode() + b"\n"
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()
