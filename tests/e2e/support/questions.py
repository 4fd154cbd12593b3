"""What a client asks the addresses of each example, and what it must hear: that the example does what it says.

The first address of a VirtualIP stands for @ in a command. Examples that are not here are asked by ping, and by HTTP
where they serve it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    virtualip: str
    command: tuple[str, ...]
    answer: str
    """What the output has in it."""


def curl(virtualip: str, answer: str, *arguments: str) -> Question:
    return Question(virtualip, ("curl", "-gsS", "-m", "5", *arguments), answer)


_LINE = (
    "import socket, sys; s = socket.create_connection((sys.argv[1], 5432), 5); s.sendall(b'select 1\\n'); "
    "print(s.makefile().readline())"
)
_DNS = """
import socket, struct, sys
name = b''.join(bytes((len(label),)) + label.encode() for label in "kubernetes.default.svc.cluster.local".split("."))
query = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + name + b"\\0" + struct.pack("!2H", 1, 1)
if sys.argv[2] == "udp":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5); s.connect((sys.argv[1], 53)); s.send(query)
    answer = s.recv(512)
else:
    s = socket.create_connection((sys.argv[1], 53), 5); s.sendall(struct.pack("!H", len(query)) + query)
    answer = s.recv(514)[2:]
number, flags, _, answers = struct.unpack("!4H", answer[:8])
print(f"id {number} error {flags & 15} answers {answers}")
"""
_HEADERS = ("-o", "/dev/null", "-w", "%{http_code} %{redirect_url} %{http_version}")

QUESTIONS: dict[str, tuple[Question, ...]] = {
    "tls.yaml": (
        curl("secure", "301 https://www.example.com/a?b", *_HEADERS, "-H", "Host: www.example.com", "http://@/a?b"),
        curl("secure", "hello from web-", "-k", "--resolve", "www.example.com:443:@", "https://www.example.com/"),
        curl("secure", "200  2", *_HEADERS, "-k", "--resolve", "www.example.com:443:@", "https://www.example.com/"),
    ),
    "stream.yaml": (
        Question("database", (sys.executable, "-c", _LINE, "@"), "10.0.0.5 select 1"),
        Question("dns", (sys.executable, "-c", _DNS, "@", "udp"), "id 7 error 0 answers 1"),
        Question("dns", (sys.executable, "-c", _DNS, "@", "tcp"), "id 7 error 0 answers 1"),
    ),
    "locations.yaml": (
        curl("sites", "ok", "http://@/healthz"),
        curl("sites", "302 http://@/new/", *_HEADERS, "http://@/old/page"),
        curl("sites", "hello from web-", "-H", "Host: m.shop.example.com", "http://@/"),
        curl("sites", "301 http://shop.example.com/", *_HEADERS, "-H", "Host: www.shop.example.com", "http://@/"),
    ),
    "own-nginx-conf.yaml": (
        curl("by-hand", "ok", "http://@/healthz"),
        curl("by-hand", "10.0.0.6 /page", "http://@/site/page"),
        curl("by-hand", "hello from nginx", "http://@/"),
    ),
    "servers.yaml": (
        curl("two-servers", "10.0.0.5 /page", "http://@/page"),
        curl("two-servers", "10.0.0.6 /page", "http://@/page"),
    ),
    "vip.yaml": (curl("web", "hello from web-", "http://@/"),),
    "dual-active.yaml": (curl("left", "hello from web-", "http://@/"), curl("right", "hello from web-", "http://@/")),
}
