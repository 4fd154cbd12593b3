"""`engine.sock`: where the agent (and whoever has the right) talks to the engine, in the lines of ipc/messages.py.

Several connections at a time are fine: a new agent may come before the old one is gone. The kernel says who is at the
other end; only root, the agent's uid and our own are listened to. Nobody can make the engine wait (lines.py).

Tests: tests/netns/test_documents.py.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from vipkeeper.engine.lines import CLOSED, LineStream
from vipkeeper.engine.log import warn
from vipkeeper.engine.loop import Loop
from vipkeeper.ipc import families
from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.messages import AgentMessage, EngineMessage, Refused, decode_agent_message, encode

AGENT_UID = 65532
_MAX_CONNECTIONS = 16
_PEER_CREDENTIALS = struct.Struct("=iII")


class AgentSocket:
    """`greet` is what a new connection is told first; `on_message` gets what an agent says, `knows` tells of which
    names there is anything. Documents with several elections are taken apart here (`ipc/families.py`)."""

    def __init__(
        self,
        loop: Loop,
        path: Path,
        greet: Callable[[], list[EngineMessage]],
        on_message: Callable[[AgentMessage], None],
        knows: Callable[[str], bool],
    ) -> None:
        self._loop = loop
        self._path = path
        self._greet = greet
        self._on_message = on_message
        self._knows = knows
        self._streams: set[LineStream] = set()
        self.deaf = False
        """Whether nothing that is said counts any more: the engine leaves."""
        self._socket = self._listen()
        loop.watch(self._socket.fileno(), self._accept)

    def tell(self, message: EngineMessage) -> None:
        """Everybody who is connected."""
        if self._streams:
            line = encode(families.outgoing(message))
            for stream in list(self._streams):
                stream.send(line)

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams.clear()
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        """A socket left by an engine that was killed is in the way. Group and mode let the agent in."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        listener.bind(str(self._path))
        self._path.chmod(0o660)
        listener.listen(_MAX_CONNECTIONS)
        return listener

    def _accept(self, _now_ns: int) -> None:
        try:
            connection, _address = self._socket.accept()
        except OSError:
            return  # it went away again
        uid = _uid_of(connection)
        if uid not in (0, AGENT_UID, os.geteuid()) or len(self._streams) >= _MAX_CONNECTIONS:
            warn("a connection to engine.sock is refused", uid=uid, connections=len(self._streams))
            connection.close()
            return
        streams: list[LineStream] = []

        def on_line(line: bytes) -> None:
            self._take(streams[0], line)

        def on_end(why: str) -> None:
            self._streams.discard(streams[0])
            if why != CLOSED:
                warn("a connection to engine.sock has ended", uid=uid, why=why)

        streams.append(LineStream(self._loop, connection, on_line, on_end))
        self._streams.add(streams[0])
        for message in self._greet():
            streams[0].send(encode(families.outgoing(message)))

    def _take(self, stream: LineStream, line: bytes) -> None:
        if self.deaf:
            return
        try:
            message = decode_agent_message(line)
        except BadDocument as error:
            warn("a message of the agent is refused", problems=error)
            stream.send(encode(Refused(_name_in(line), _generation_in(line), tuple(error.problems))))
            return
        for part in families.incoming(message, self._knows):
            self._on_message(part)


def _uid_of(connection: socket.socket) -> int:
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    return int(_PEER_CREDENTIALS.unpack(data)[1])


def _name_in(line: bytes) -> str:
    """The name in a document that can't be read otherwise; "" when that can't be read either."""
    name = _document_in(line).get("name", "")
    return name if isinstance(name, str) else ""


def _generation_in(line: bytes) -> int:
    generation = _document_in(line).get("generation", 0)
    return generation if isinstance(generation, int) and 0 <= generation < 2**63 else 0


def _document_in(line: bytes) -> dict[str, object]:
    try:
        document = json.loads(line)["document"]
    except (ValueError, TypeError, KeyError):
        return {}
    return document if isinstance(document, dict) else {}
