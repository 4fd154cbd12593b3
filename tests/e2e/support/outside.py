"""`python -m tests.e2e.support.outside NAME`: a machine outside of the cluster that examples send requests to.

HTTP on port 80: "NAME" and the path. A "database" on 5432: says back each line, with its name. The standard library.
"""

from __future__ import annotations

import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{sys.argv[1]} {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Lines(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(sys.argv[1].encode() + b" " + line)


class Database(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    threading.Thread(target=Database(("", 5432), Lines).serve_forever, daemon=True).start()
    server = ThreadingHTTPServer(("", 80), Page)
    print("listening", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
