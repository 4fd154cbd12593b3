from __future__ import annotations

import queue
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from tests.unit.agent.api_server import ApiServer, wait_for
from tests.unit.agent.samples import SERVICE
from vipkeeper.agent.kube_api import KubeApi
from vipkeeper.agent.services_watch import SERVICE_NAME_LABEL, ServicesEvent, ServicesWatch
from vipkeeper.ipc.rendered_nginx import ServiceUpstream
from vipkeeper.render.nginx_upstream import Endpoint

SERVICES = "/api/v1/namespaces/shop/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
OTHER = ServiceUpstream("shop", "other", 80)


class Owner:
    """The thread that owns a ServicesWatch: takes its events until something holds."""

    def __init__(self, api: KubeApi) -> None:
        self._events: queue.SimpleQueue[ServicesEvent] = queue.SimpleQueue()
        self.watch = ServicesWatch(api, self._events.put)

    def take_event(self) -> None:
        self.watch.heard(self._events.get(timeout=10))

    def until_known(self, *upstreams: ServiceUpstream) -> dict[ServiceUpstream, tuple[Endpoint, ...]]:
        while (found := self.watch.endpoints(upstreams)) is None:
            self.take_event()
        return found

    def until(self, upstream: ServiceUpstream, addresses: list[str]) -> None:
        while (found := self.watch.endpoints([upstream])) is None or hosts(found[upstream]) != addresses:
            self.take_event()


def hosts(endpoints: tuple[Endpoint, ...]) -> list[str]:
    return [str(endpoint.address) for endpoint in endpoints]


@pytest.fixture
def owner(api: KubeApi) -> Iterator[Owner]:
    owner = Owner(api)
    yield owner
    owner.watch.wants(())


def service(port: int = 80) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"ports": [{"name": "http", "port": port}], "ipFamilies": ["IPv4"]}}


def piece(name: str, *addresses: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {SERVICE_NAME_LABEL: name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
    }


def test_endpoints_are_unknown_until_service_and_slices_were_listed(server: ApiServer, owner: Owner) -> None:
    server.put(f"{SERVICES}/web", service())
    server.put(f"{SLICES}/web-1", piece("web", "10.0.0.1"))
    owner.watch.wants([SERVICE])
    assert owner.watch.endpoints([SERVICE]) is None
    assert owner.until_known(SERVICE) == {SERVICE: (Endpoint(ip_address("10.0.0.1"), 8080),)}


def test_they_stay_unknown_while_the_api_server_is_away(server: ApiServer, owner: Owner) -> None:
    server.stop()
    owner.watch.wants([SERVICE])
    for _ in range(4):
        owner.take_event()
        assert owner.watch.endpoints([SERVICE]) is None


def test_endpoints_follow_slices_and_service(server: ApiServer, owner: Owner) -> None:
    server.put(f"{SERVICES}/web", service())
    owner.watch.wants([SERVICE])
    owner.until(SERVICE, [])
    server.put(f"{SLICES}/web-1", piece("web", "10.0.0.1"))
    server.put(f"{SLICES}/web-2", piece("web", "10.0.0.2"))
    server.put(f"{SLICES}/strange", piece("strange", "10.0.0.9"))
    owner.until(SERVICE, ["10.0.0.1", "10.0.0.2"])
    server.delete(f"{SLICES}/web-1")
    owner.until(SERVICE, ["10.0.0.2"])
    server.put(f"{SERVICES}/web", service(port=81))
    owner.until(SERVICE, [])


def test_a_further_service_of_the_namespace_does_not_make_the_first_one_unknown(
    server: ApiServer, owner: Owner
) -> None:
    for name in ("web", "other"):
        server.put(f"{SERVICES}/{name}", service())
        server.put(f"{SLICES}/{name}-1", piece(name, "10.0.0.1"))
    owner.watch.wants([SERVICE])
    owner.until(SERVICE, ["10.0.0.1"])
    owner.watch.wants([SERVICE, OTHER])
    assert owner.watch.endpoints([SERVICE]) is not None
    assert owner.watch.endpoints([SERVICE, OTHER]) is None
    assert len(owner.until_known(SERVICE, OTHER)) == 2


def test_a_refusal_is_an_answer(server: ApiServer, owner: Owner) -> None:
    server.refuse[SERVICES] = server.refuse[SLICES] = 403
    owner.watch.wants([SERVICE])
    assert owner.until_known(SERVICE) == {SERVICE: ()}


def test_what_is_no_longer_wanted_is_no_longer_watched(server: ApiServer, owner: Owner) -> None:
    server.put(f"{SERVICES}/web", service())
    owner.watch.wants([SERVICE])
    owner.until_known(SERVICE)
    owner.watch.wants([])

    def ended() -> bool:
        server.put(f"{SERVICES}/web", service())  # a server notices when it writes
        server.put(f"{SLICES}/web-1", piece("web", "10.0.0.1"))
        return server.watches == 0

    wait_for(ended, "both connections to end")
