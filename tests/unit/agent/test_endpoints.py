from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from vipkeeper.agent.endpoints import resolve
from vipkeeper.render.nginx_upstream import Endpoint


def service(*ports: dict[str, Any], families: list[str] | None = None) -> dict[str, Any]:
    return {"metadata": {"name": "web"}, "spec": {"ports": list(ports), "ipFamilies": families or ["IPv4"]}}


def piece(ports: list[dict[str, Any]], *endpoints: dict[str, Any], family: str = "IPv4") -> dict[str, Any]:
    return {"addressType": family, "ports": ports, "endpoints": list(endpoints)}


def ready(address: str, value: bool | None = True) -> dict[str, Any]:
    return {"addresses": [address], "conditions": {} if value is None else {"ready": value}}


def endpoints(*pairs: tuple[str, int]) -> tuple[Endpoint, ...]:
    return tuple(Endpoint(ip_address(address), port) for address, port in pairs)


HTTP = {"name": "http", "port": 80, "targetPort": 8080}
ADMIN = {"name": "admin", "port": 81, "targetPort": 9090}


def test_a_port_number_of_the_service_leads_by_its_name_to_the_port_of_the_pods() -> None:
    slices = [piece([{"name": "http", "port": 8080}, {"name": "admin", "port": 9090}], ready("10.0.0.1"))]
    assert resolve(service(HTTP, ADMIN), slices, 81) == endpoints(("10.0.0.1", 9090))
    assert resolve(service(HTTP, ADMIN), slices, "http") == endpoints(("10.0.0.1", 8080))


def test_a_single_port_needs_no_name() -> None:
    assert resolve(service({"port": 80}), [piece([{"port": 8080}], ready("10.0.0.1"))], 80) == endpoints(
        ("10.0.0.1", 8080)
    )
    assert resolve(service({"port": 80}), [piece([{"name": "", "port": 8080}], ready("10.0.0.1"))], 80) != ()


def test_only_ready_endpoints_count_and_a_missing_condition_means_ready() -> None:
    slices = [
        piece([{"name": "http", "port": 8080}], ready("10.0.0.1", False), ready("10.0.0.2", None), ready("10.0.0.3"))
    ]
    assert resolve(service(HTTP), slices, 80) == endpoints(("10.0.0.2", 8080), ("10.0.0.3", 8080))


def test_pods_with_different_numbers_for_a_named_target_port_keep_their_own() -> None:
    slices = [
        piece([{"name": "http", "port": 8080}], ready("10.0.0.2")),
        piece([{"name": "http", "port": 80}], ready("10.0.0.1")),
    ]
    assert resolve(service(HTTP), slices, 80) == endpoints(("10.0.0.1", 80), ("10.0.0.2", 8080))


def test_the_order_of_slices_and_repeated_endpoints_change_nothing() -> None:
    one = piece([{"name": "http", "port": 8080}], ready("10.0.0.10"), ready("10.0.0.9"))
    two = piece([{"name": "http", "port": 8080}], ready("10.0.0.9"), ready("10.0.0.1"))
    assert resolve(service(HTTP), [one, two], 80) == resolve(service(HTTP), [two, one], 80)
    assert len(resolve(service(HTTP), [one, two], 80)) == 3


def test_a_dual_stack_service_is_used_by_its_first_family_so_that_no_pod_counts_twice() -> None:
    slices = [
        piece([{"name": "http", "port": 8080}], ready("10.0.0.1")),
        piece([{"name": "http", "port": 8080}], ready("fd00::1"), family="IPv6"),
    ]
    assert resolve(service(HTTP, families=["IPv6", "IPv4"]), slices, 80) == endpoints(("fd00::1", 8080))


def test_a_service_or_port_that_is_not_there_has_no_endpoints() -> None:
    slices = [piece([{"name": "http", "port": 8080}], ready("10.0.0.1"))]
    assert resolve(None, slices, 80) == ()
    assert resolve(service(HTTP), slices, 82) == ()
    assert resolve(service(HTTP | {"protocol": "UDP"}), slices, 80) == ()


def test_a_port_of_another_protocol_is_found_by_asking_for_it() -> None:
    dns = {"name": "dns", "port": 53, "protocol": "UDP"}
    slices = [piece([{"name": "dns", "port": 5353, "protocol": "UDP"}], ready("10.0.0.1"))]
    assert resolve(service(dns), slices, 53, "UDP") == endpoints(("10.0.0.1", 5353))
    assert resolve(service(dns), slices, 53) == ()
