"""`python -m tests.e2e.support.probe_http ADDRESS PORT INTERVAL_MS`: a new connection and a GET each interval.

Many are under way at once: a connection that waits for a SYN's second try (1 s) hides nothing, the next one was begun
long before. An answer is the status and the first line of the body; only a complete 200 counts as
answered, of the others it is told what they were.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import time
from ipaddress import ip_address

from tests.e2e.support.probe_program import Beat
from tests.e2e.support.timeline import NS_PER_MS, Probe

PATIENCE_MS = 3000
"""After which a question is given up."""


class Question:
    """One connection, from SYN to the server's FIN."""

    def __init__(self, probe_number: int, sent_ns: int, connection: socket.socket) -> None:
        self.number = probe_number
        self.sent_ns = sent_ns
        self.connection = connection
        self.received = b""


class HTTP:
    def __init__(self, address: str, port: int, interval_ms: float) -> None:
        self._target = (address, port)
        self._family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
        host = address if self._family == socket.AF_INET else f"[{address}]"
        self._request = f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
        self._open: dict[socket.socket, Question] = {}
        self._sent_ns: list[int] = []
        self._answers: dict[int, tuple[int | None, str]] = {}
        self.beat = Beat(interval_ms, self._ask)

    def probes(self) -> list[Probe]:
        return [Probe(sent_ns, *self._answers.get(number, (None, ""))) for number, sent_ns in enumerate(self._sent_ns)]

    def _ask(self) -> None:
        self._give_up_old_ones()
        now_ns = time.monotonic_ns()
        connection = socket.socket(self._family, socket.SOCK_STREAM)
        connection.setblocking(False)
        self._sent_ns.append(now_ns)
        try:
            connection.connect(self._target)
        except BlockingIOError:
            pass
        except OSError:
            connection.close()
            return
        self._open[connection] = Question(len(self._sent_ns) - 1, now_ns, connection)
        self.beat.selector.register(connection, selectors.EVENT_WRITE, self._progress)

    def _progress(self, connection: socket.socket, events: int) -> None:
        question = self._open[connection]
        try:
            if events & selectors.EVENT_WRITE:
                connection.sendall(self._request)
                self.beat.selector.modify(connection, selectors.EVENT_READ, self._progress)
                return
            data = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError as refusal:
            self._answers[question.number] = (None, type(refusal).__name__)
            self._close(connection)
            return
        question.received += data
        if not data:
            self._note(question)
            self._close(connection)

    def _note(self, question: Question) -> None:
        head, complete, body = question.received.partition(b"\r\n\r\n")
        with contextlib.suppress(IndexError):
            status = head.split(b" ", 2)[1].decode()
            first_line = body.decode(errors="replace").strip().splitlines()[:1]
            good = complete and status == "200"
            self._answers[question.number] = (time.monotonic_ns() if good else None, " ".join([status, *first_line]))

    def _close(self, connection: socket.socket) -> None:
        self.beat.selector.unregister(connection)
        del self._open[connection]
        connection.close()

    def _give_up_old_ones(self) -> None:
        oldest_ns = time.monotonic_ns() - PATIENCE_MS * NS_PER_MS
        for connection in [c for c, question in self._open.items() if question.sent_ns < oldest_ns]:
            self._close(connection)


def main() -> None:
    http = HTTP(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
    http.beat.run()
    http.beat.report(http.probes())


if __name__ == "__main__":
    main()
