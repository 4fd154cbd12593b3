"""operator/vipkeeper/ipc/peers.py"""

from __future__ import annotations

import pytest

from vipkeeper.ipc.fields import BadDocument, Fields
from vipkeeper.ipc.peers import PeersSection, peers_to_json, read_peers


@pytest.mark.parametrize("witness", [True, False])
def test_the_section_survives_json(witness: bool) -> None:
    section = PeersSection("vipkeeper-peers_keys", 21002, witness)
    assert read_peers(Fields(peers_to_json(section))) == section


@pytest.mark.parametrize("value", [{}, {"secret": "peers", "port": 0}, {"secret": 7, "port": 7112}])
def test_what_does_not_fit_is_told(value: object) -> None:
    fields = Fields(value)
    read_peers(fields)
    with pytest.raises(BadDocument):
        fields.finish()
