"""operator/vipkeeper/agent/pods_watch.py"""

from __future__ import annotations

import queue
import time

from tests.unit.agent.api_server import ApiServer
from tests.unit.agent.samples import NODE
from vipkeeper.agent.kube_api import KubeApi
from vipkeeper.agent.kube_watch import Listed
from vipkeeper.agent.pods_watch import PodsEvent, PodsWatch
from vipkeeper.ipc.messages import Health, HealthSource
from vipkeeper.ipc.rendered import PodSelection

PODS = "/api/v1/namespaces/shop/pods"
NONE = "there is no such pod on this node"
WEB = PodSelection("shop", "app=web")


def pod(name: str, *, ready: bool = True, node: str = NODE, app: str = "web") -> dict[str, object]:
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "labels": {"app": app}},
        "spec": {"nodeName": node},
        "status": {
            "conditions": [{"type": "ContainersReady", "status": str(ready)}],
            "containerStatuses": [{"containerID": "c1", "state": {"running": {}}}],
        },
    }


class Owner:
    """Whose thread takes what the watches tell."""

    def __init__(self, api: KubeApi) -> None:
        self.events: queue.SimpleQueue[PodsEvent] = queue.SimpleQueue()
        self.pods = PodsWatch(api, NODE, self.events.put)

    def hears_until(self, said: list[Health]) -> None:
        deadline_s = time.monotonic() + 20
        while self.pods.verdicts(time.monotonic()) != said:
            assert time.monotonic() < deadline_s, self.pods.verdicts(time.monotonic())
            self.pods.heard(self.events.get(timeout=20), time.monotonic())


def failed(name: str, why: str) -> Health:
    return Health(HealthSource.PODS, False, f"pods app=web of namespace shop: {why}", name)


def good(*names: str) -> list[Health]:
    return [Health(HealthSource.PODS, True, "", name) for name in names]


def test_pods_of_this_node_are_watched_once_for_all_that_select_them(server: ApiServer, api: KubeApi) -> None:
    owner = Owner(api)
    owner.pods.wants({"web": WEB, "other": WEB})
    assert owner.pods.verdicts(0) == [], "nothing is known yet"
    owner.hears_until([failed(name, NONE) for name in ("web", "other")])
    server.put(f"{PODS}/elsewhere", pod("elsewhere", node="worker2"))
    server.put(f"{PODS}/another", pod("another", app="other"))
    server.put(f"{PODS}/one", pod("one"))
    owner.hears_until(good("web", "other"))
    assert server.count("GET", PODS) == 1
    server.delete(f"{PODS}/one")
    owner.hears_until([failed(name, NONE) for name in ("web", "other")])
    owner.pods.wants({})


def test_what_an_older_watch_still_says_is_passed_over(server: ApiServer, api: KubeApi) -> None:
    server.put(f"{PODS}/one", pod("one", ready=False))
    owner = Owner(api)
    owner.pods.wants({"web": WEB})
    owner.hears_until([failed("web", "of 1 on this node none is ready")])
    owner.pods.wants({})
    owner.pods.heard(PodsEvent(WEB, Listed(())), 0)
    assert (owner.pods.verdicts(0), owner.pods.deadline_s()) == ([], None)
