"""How the engines of one virtual router find and believe each other, as the rendered document says it.

Where the peers are says the document's `nodes`. The key is named by its reference and comes another way
(`messages.Secrets`): documents may be read by many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vipkeeper.ipc.fields import Fields


@dataclass(frozen=True, slots=True)
class PeersSection:
    """Absent: plain VRRP."""

    secret: str
    """Reference of the keys: a text with one key in each line, the first of which signs (`peering/keys.py`)."""
    port: int
    """UDP, 1..65535: the same on every node, and in every document of one engine."""
    witness: bool = True
    """Whether a Backup asks a silent Active before it takes over."""


def read_peers(fields: Fields) -> PeersSection:
    """Problems are noted in `fields`."""
    return PeersSection(
        secret=fields.text("secret"), port=fields.number("port", 1, 65535), witness=fields.flag("witness", True)
    )


def peers_to_json(peers: PeersSection) -> dict[str, Any]:
    return {"secret": peers.secret, "port": peers.port} | ({} if peers.witness else {"witness": False})
