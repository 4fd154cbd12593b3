"""By which interfaces the default routes go: real tables, of a network namespace of its own."""

from __future__ import annotations

from pathlib import Path

from tests.unit.engine.own_network import in_own_network, ip
from vipkeeper.engine.default_routes import default_interfaces
from vipkeeper.vrrp.packet import Family


@in_own_network
def test_default_routes_of_both_families_and_no_others() -> None:
    assert default_interfaces() == frozenset()
    for name in ("one", "two"):
        ip(f"link add {name} type veth peer name far-{name}")
        ip(f"link set far-{name} up")
        ip(f"link set {name} up")
    ip("address add 192.0.2.1/24 dev one")
    ip("route add default via 192.0.2.254")
    ip("route add 198.51.100.0/24 via 192.0.2.253")
    ip("-6 address add 2001:db8::1/64 dev two nodad")
    ip("-6 route add default via 2001:db8::ff dev two")
    ip("-6 route add unreachable default metric 9999")
    assert default_interfaces() == {("one", Family.IPV4), ("two", Family.IPV6)}


def test_where_nothing_can_be_read_there_is_none(tmp_path: Path) -> None:
    assert default_interfaces(tmp_path) == frozenset()
    (tmp_path / "route").write_text("Iface\tDestination\nnonsense\n")
    assert default_interfaces(tmp_path) == frozenset()
