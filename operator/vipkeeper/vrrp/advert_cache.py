"""Adverts that came before, byte by byte: a router repeats itself several times a second, and reads the same in it.

Law: only what was accepted is remembered, and nothing that has an HMAC trailer: that is new each time, or a replay.
The cache holds what one port decided; whoever changes what the port expects clears it.
"""

from __future__ import annotations

from vipkeeper.vrrp.advert import Advert
from vipkeeper.vrrp.drops import Dropped

MAX_ADVERTS = 512
"""Room for 200 virtual routers, each with its advert, its last one, and a neighbour's: about 0.3 MiB."""


def ipv4_key(packet: bytes) -> bytes:
    """What makes an IPv4 packet the same again: all of it but the identification and the header's checksum."""
    return packet[:4] + packet[6:10] + packet[12:]


class AdvertCache:
    """By what came (bytes, source, destination, TTL: whatever tells packets apart), what it was found to say."""

    __slots__ = ("_adverts", "_limit")

    def __init__(self, limit: int = MAX_ADVERTS) -> None:
        self._adverts: dict[object, Advert] = {}
        self._limit = limit

    def __len__(self) -> int:
        return len(self._adverts)

    def find(self, key: object) -> Advert | None:
        return self._adverts.get(key)

    def remember(self, key: object, result: Advert | Dropped) -> None:
        """The oldest makes room."""
        if not isinstance(result, Advert) or result.key_id is not None:
            return
        if len(self._adverts) >= self._limit:
            del self._adverts[next(iter(self._adverts))]
        self._adverts[key] = result

    def clear(self) -> None:
        self._adverts.clear()
