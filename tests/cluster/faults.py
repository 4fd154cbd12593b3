"""What can go wrong on the segment, made by hand from outside the nodes, where nothing inside can notice the hand.

| fault | how | what the node sees |
|---|---|---|
| cut | its port leaves the bridge | carrier stays, silence: what its neighbours see of a crash |
| carrier down | the bridge's end of its veth goes down | its eth0 loses carrier: a pulled cable |
| partition | nftables drops between ports of the bridge | the others of its side, not the far side |
| block | nftables drops an IP protocol on the bridge | everything but that protocol: a firewall, IGMP snooping |
| loss | nftables drops by chance from and to one port | a bad cable |
| firewall | nftables *inside* a node drops an IP protocol, in and out | what its administrator has done |

All rules on the bridge lie in one table, which `mend` deletes whole. Frames between two ports pass the bridge family's forward hook.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.cluster.commands import output_of, run

TABLE = "vipkeeper_test"


def detach(host: Sequence[str], port: str) -> None:
    output_of([*host, "ip", "link", "set", port, "nomaster"])


def attach(host: Sequence[str], port: str, bridge: str) -> None:
    output_of([*host, "ip", "link", "set", port, "master", bridge, "up"])


def set_carrier(host: Sequence[str], port: str, up: bool) -> None:
    output_of([*host, "ip", "link", "set", port, "up" if up else "down"])


def partition_rules(one: Iterable[str], other: Iterable[str]) -> list[str]:
    left, right = _ports(one), _ports(other)
    return [f"iifname {left} oifname {right} drop", f"iifname {right} oifname {left} drop"]


def block_rules(protocol: int, ports: Iterable[str] = ()) -> list[str]:
    """Of one IP protocol (112 is VRRP) in both families; on the given ports, or everywhere."""
    matches = [f"ip protocol {protocol} drop", f"ip6 nexthdr {protocol} drop"]
    chosen = list(ports)
    if not chosen:
        return matches
    return [f"{side} {_ports(chosen)} {match}" for side in ("iifname", "oifname") for match in matches]


def loss_rules(port: str, percent: int) -> list[str]:
    if not 0 < percent < 100:
        raise ValueError(f"loss is 1 to 99 percent, not {percent}")
    return [
        f"{side} {port!r} numgen random mod 100 < {percent} drop".replace("'", '"') for side in ("iifname", "oifname")
    ]


def add_rules(host: Sequence[str], rules: Iterable[str]) -> None:
    lines = [
        f"add table bridge {TABLE}",
        f"add chain bridge {TABLE} forward {{ type filter hook forward priority 0; }}",
        *(f"add rule bridge {TABLE} forward {rule}" for rule in rules),
    ]
    output_of([*host, "nft", "-f", "-"], stdin="\n".join(lines) + "\n")


def mend(host: Sequence[str]) -> None:
    run([*host, "nft", "delete", "table", "bridge", TABLE])


def rules_in_force(host: Sequence[str]) -> list[str]:
    listed = run([*host, "nft", "list", "chain", "bridge", TABLE, "forward"])
    return [line.strip() for line in listed.stdout.splitlines() if line.strip().endswith("drop")]


def firewall(protocol: int) -> list[str]:
    """What is typed on a node, as arguments of nft."""
    chains = [
        f"add chain inet {TABLE} {hook} {{ type filter hook {hook} priority 0; }}; "
        f"add rule inet {TABLE} {hook} meta l4proto {protocol} drop"
        for hook in ("input", "output")
    ]
    return [f"add table inet {TABLE}", *chains]


FIREWALL_OFF = f"delete table inet {TABLE}"


def _ports(names: Iterable[str]) -> str:
    return "{ " + ", ".join(f'"{name}"' for name in names) + " }"
