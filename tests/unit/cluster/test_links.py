"""What `ip -json link` says about a port of the bridge, and one that was cut off."""

import json

from tests.cluster.links import parse_links

ROWS = [
    {
        "ifindex": 5,
        "link_index": 2,
        "ifname": "veth1",
        "flags": ["BROADCAST", "UP", "LOWER_UP"],
        "master": "podman1",
        "address": "02:00:00:00:00:01",
    },
    {"ifindex": 6, "link_index": 2, "ifname": "veth2", "flags": ["BROADCAST"]},
]


def test_a_port_knows_its_bridge_and_a_cut_one_has_none() -> None:
    attached, cut = parse_links(json.dumps(ROWS))
    assert (attached.master, attached.peer_index, "LOWER_UP" in attached.flags) == ("podman1", 2, True)
    assert cut.master is None
