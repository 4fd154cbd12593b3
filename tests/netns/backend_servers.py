"""Servers behind nginx, in a network namespace: `python3 backend_servers.py`, prints a line when all of them listen.

HTTP on 8001 ("one") and 8002 ("two"): tells as JSON what was asked, and by whom. `/slow` gives a byte each 50 ms for
2 s; `/trickle` gives 8 KiB each 50 ms, for hours; `/hang` says nothing for 2 s; `/hidden` has a field X-Secret; an upgrade (WebSocket) is
granted, and every line said back. TCP on 9001: says back what it gets, from the first line on. UDP on 5353: "udp "
and what it got.
"""

from __future__ import annotations

import json
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade"):
            self._talk()
            return
        if self.path in ("/slow", "/trickle"):
            self._drip(40, 1) if self.path == "/slow" else self._drip(100_000, 8192)
            return
        if self.path == "/hang":
            time.sleep(2)
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = {8001: "one", 8002: "two"}[self.server.server_address[1]]  # type: ignore[index]
        told = {
            "server": name,
            "path": self.path,
            "headers": {key.lower(): value for key, value in self.headers.items()},
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/hidden":
            self.send_header("X-Secret", "yes")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def _talk(self) -> None:
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.end_headers()
        for line in self.rfile:
            self.wfile.write(b"got " + line)
        self.close_connection = True

    def _drip(self, count: int, piece_bytes: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(count * piece_bytes))
        self.end_headers()
        for _ in range(count):
            self.wfile.write(b"." * piece_bytes)
            self.wfile.flush()
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


class Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(b"got " + line)


class Datagrams(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"udp " + self.rfile.read())


class Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    servers = [
        ThreadingHTTPServer(("127.0.0.1", 8001), Echo),
        ThreadingHTTPServer(("127.0.0.1", 8002), Echo),
        Threads(("127.0.0.1", 9001), Lines),
        socketserver.UDPServer(("127.0.0.1", 5353), Datagrams),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("listening", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main()
