from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.samples import NAMESPACE, NODE, SERVICE, configmap, document, status
from vipkeeper.agent.coordinator import Checked, Coordinator, DocumentsEvent, Event, Found, Hands, PodEvent, SecretEvent
from vipkeeper.agent.documents import Whereabouts
from vipkeeper.agent.kube_watch import Changed, Deleted, Listed
from vipkeeper.agent.kube_watch import Refused as WatchRefused
from vipkeeper.agent.pods_watch import PodsEvent
from vipkeeper.agent.services_watch import ServicesEvent
from vipkeeper.agent.settings import Settings
from vipkeeper.ipc.messages import (
    AgentMessage,
    Apply,
    Gone,
    Health,
    HealthSource,
    Refused,
    Remove,
    RemoveReason,
    Synced,
    Welcome,
)
from vipkeeper.ipc.rendered import HealthSection, PodSelection, TCPCheck
from vipkeeper.ipc.rendered_nginx import TLS, HTTPServer, NginxSection, Response, ServiceUpstream
from vipkeeper.nginx.wanted import Wanted
from vipkeeper.render.nginx_upstream import Endpoint
from vipkeeper.spec.speaker import NginxDocument, NginxRefusal, NginxReport
from vipkeeper.threads.engine_client import Connected, Disconnected

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
WELCOME = Welcome("1", NODE, "default")
READY = NginxReport(generation="aa", ok=True)


class Agent:
    """A coordinator whose hands note what they are told."""

    def __init__(self, nginx: bool = True) -> None:
        self.now_s = 0.0
        self.sent: list[AgentMessage] = []
        self.looked_up: list[str] = []
        self.reports: list[dict[str, Any]] = []
        self.nginx: list[Wanted] = []
        self.checks: list[dict[str, HealthSection]] = []
        self.doubts: list[str] = []
        self.services = Services()
        self.pods = Pods()
        settings = Settings(NODE, "pod", NAMESPACE, "default", Path("/run"), 9901 if nginx else None)
        hands = Hands(
            send=self.sent.append,
            look_up=self.looked_up.append,
            report=self.reports.append,
            want_nginx=self.nginx.append,
            want_checks=self.checks.append,
            doubt_checks=self.doubts.append,
            services=self.services,
            pods=self.pods,
        )
        self.coordinator = Coordinator(settings, hands)

    def hears(self, *events: Event) -> list[AgentMessage]:
        """What is sent to the engine on these."""
        before = len(self.sent)
        for event in events:
            self.coordinator.handle(event, self.now_s, NOON)
        return self.sent[before:]

    def waits_until(self, now_s: float) -> list[AgentMessage]:
        before = len(self.sent)
        self.now_s = now_s
        self.coordinator.time_passed(now_s)
        return self.sent[before:]

    @property
    def report(self) -> dict[str, Any]:
        return self.reports[-1]


class Services:
    def __init__(self) -> None:
        self.wanted: tuple[ServiceUpstream, ...] = ()
        self.known: dict[ServiceUpstream, tuple[Endpoint, ...]] | None = None

    def wants(self, upstreams: Iterable[ServiceUpstream]) -> None:
        self.wanted = tuple(upstreams)

    def heard(self, event: ServicesEvent) -> bool:
        return event.plural == "services"

    def endpoints(self, upstreams: Iterable[ServiceUpstream]) -> dict[ServiceUpstream, tuple[Endpoint, ...]] | None:
        return {} if not tuple(upstreams) else self.known


class Pods:
    def __init__(self) -> None:
        self.wanted: dict[str, PodSelection] = {}
        self.said: list[Health] = []
        self.heard_s: list[float] = []

    def wants(self, selections: Mapping[str, PodSelection]) -> None:
        self.wanted = dict(selections)

    def heard(self, event: PodsEvent, now_s: float) -> None:  # noqa: ARG002
        self.heard_s.append(now_s)

    def verdicts(self, now_s: float) -> list[Health]:  # noqa: ARG002
        return self.said

    def deadline_s(self) -> float | None:
        return 77.0 if self.wanted else None


@pytest.fixture
def agent() -> Agent:
    return Agent()


def listed(*items: Any) -> DocumentsEvent:
    return DocumentsEvent(Listed(tuple(configmap(item) for item in items)))


def test_everything_is_sent_after_each_welcome_and_synced_comes_last(agent: Agent) -> None:
    agent.hears(listed(document("a"), document("b")))
    assert agent.hears(Connected(), WELCOME)[:2] == [Apply(document("a")), Apply(document("b"))]
    assert agent.coordinator.deadline_s() == 0.2
    assert agent.waits_until(0.2) == [Synced(("a", "b"))]
    assert agent.waits_until(10) == []
    agent.hears(Disconnected())
    assert agent.hears(Connected(), WELCOME) == [Apply(document("a")), Apply(document("b"))]
    assert agent.waits_until(10.2) == [Synced(("a", "b"))]


def test_without_a_list_the_engine_is_told_nothing_and_keeps_what_it_has(agent: Agent) -> None:
    assert agent.hears(Connected(), WELCOME, status("old")) == []
    assert agent.waits_until(1000) == []


def test_a_router_that_nobody_knows_is_looked_up_before_synced(agent: Agent) -> None:
    agent.hears(listed(), Connected(), WELCOME, status("old"))
    assert agent.looked_up == ["old"]
    assert agent.waits_until(1) == []
    assert agent.hears(Found("old", Whereabouts.MOVED)) == [Remove("old", RemoveReason.MOVED), Synced(("old",))]


def test_a_router_that_was_known_before_the_list_came_is_looked_up_then(agent: Agent) -> None:
    agent.hears(Connected(), WELCOME, status("old"), listed())
    assert agent.looked_up == ["old"]
    agent.now_s = 1
    assert agent.hears(Found("old", Whereabouts.DELETED)) == [Remove("old", RemoveReason.DELETED), Synced(())]


def test_a_move_is_told_again_to_an_engine_that_restarts_and_not_after_it_is_done(agent: Agent) -> None:
    agent.hears(listed(document()), DocumentsEvent(Deleted(configmap(document()))), Found("web", Whereabouts.MOVED))
    assert agent.hears(WELCOME) == [Remove("web", RemoveReason.MOVED)]
    agent.hears(Gone("web"))
    assert agent.hears(WELCOME) == []


def test_a_changed_document_is_applied_at_once(agent: Agent) -> None:
    agent.hears(listed(document()), WELCOME)
    assert agent.hears(DocumentsEvent(Changed(configmap(document(generation=2))))) == [Apply(document(generation=2))]


def test_the_report_has_routers_refusals_unreadable_documents_and_nginx(agent: Agent) -> None:
    bad = configmap(document("bad"))
    bad["data"] = {}
    agent.hears(listed(document()), DocumentsEvent(Changed(bad)), WELCOME, status(), Refused("x", 2, ("why",)), READY)
    assert agent.report["engineVersion"] == "1"
    assert [router["name"] for router in agent.report["virtualRouters"]] == ["web"]
    assert [item["document"] for item in agent.report["refused"]] == ["bad", "x"]
    assert agent.report["nginx"]["generation"] == "aa"


def test_the_first_report_waits_for_nginx_but_not_for_ever(agent: Agent) -> None:
    agent.hears(WELCOME, status())
    assert agent.reports == []
    assert agent.coordinator.deadline_s() == 2
    agent.waits_until(2)
    assert "nginx" not in agent.report


def test_a_dead_engine_is_reported_after_a_while_and_a_restarted_one_never(agent: Agent) -> None:
    agent.hears(WELCOME, status(), READY, Disconnected())
    assert agent.coordinator.deadline_s() == 3
    agent.hears(WELCOME)
    agent.waits_until(5)
    assert len(agent.report["virtualRouters"]) == 1
    agent.hears(Disconnected())
    agent.waits_until(8)
    assert agent.report["virtualRouters"] == []
    assert agent.report["engineVersion"] == ""


def test_routers_of_which_a_restarted_engine_does_not_speak_are_forgotten_at_synced(agent: Agent) -> None:
    agent.hears(listed(document("a"), document("b")), WELCOME, status("a"), status("b"), READY)
    agent.hears(Disconnected(), WELCOME, status("a"))
    agent.waits_until(1)
    agent.hears(READY)
    assert [router["name"] for router in agent.report["virtualRouters"]] == ["a"]


def test_nginx_is_rendered_only_when_all_endpoints_are_known(agent: Agent) -> None:
    agent.hears(listed(document(nginx=True)))
    assert agent.services.wanted == (SERVICE,)
    assert agent.nginx == []
    agent.services.known = {SERVICE: (Endpoint(ip_address("10.0.0.1"), 8080),)}
    heard = ServicesEvent("shop", frozenset({"web"}), "services", Listed(()))
    agent.hears(heard, heard)
    assert len(agent.nginx) == 1
    assert "10.0.0.1:8080" in agent.nginx[0].render().text
    assert [(item.name, item.generation) for item in agent.nginx[0].documents] == [("web", 1)]


def test_certificates_are_waited_for_and_a_change_of_them_is_another_configuration(agent: Agent) -> None:
    server = HTTPServer(443, response=Response(), tls=TLS("site"))
    agent.services.known = {}
    agent.hears(listed(replace(document(), nginx=NginxSection((server,)))))
    assert agent.nginx == []
    agent.hears(secret("one"))
    agent.hears(secret("two"))
    first, second = agent.nginx
    assert first.render().generation != second.render().generation
    assert [list(wanted.certificates.values()) for wanted in agent.nginx] == [[b"one\nkey\n"], [b"two\nkey\n"]]
    agent.hears(SecretEvent(Deleted({})))
    assert agent.nginx[-1].incomplete == {
        "web": ("spec.nginx.http[0].tls", "Secret site has not come to this node yet")
    }


def test_a_placement_whose_secret_may_not_be_read_still_serves_what_needs_none(agent: Agent) -> None:
    server = HTTPServer(443, response=Response(), tls=TLS("site"))
    agent.services.known = {}
    agent.hears(listed(replace(document(), nginx=NginxSection((server,)))), SecretEvent(WatchRefused("forbidden")))
    assert "web" in agent.nginx[-1].incomplete


def secret(certificate: str) -> SecretEvent:
    data = {"site_tls.crt": certificate, "site_tls.key": "key"}
    return SecretEvent(Changed({"data": {name: b64encode(text.encode()).decode() for name, text in data.items()}}))


def test_a_new_generation_with_the_same_nginx_section_is_reported_but_needs_no_reload(agent: Agent) -> None:
    agent.services.known = {SERVICE: ()}
    agent.hears(listed(document(nginx=True)), DocumentsEvent(Changed(configmap(document(nginx=True, generation=2)))))
    assert [wanted.documents[0].generation for wanted in agent.nginx] == [1, 2]
    assert agent.nginx[0].render() == agent.nginx[1].render()


def test_a_document_without_a_share_for_this_node_is_not_served_here(agent: Agent) -> None:
    agent.hears(listed(document(nginx=True, nodes=("worker9",))))
    assert agent.services.wanted == ()
    assert agent.nginx[0].documents == ()


def test_without_nginx_nothing_of_it_is_done() -> None:
    agent = Agent(nginx=False)
    agent.hears(listed(document(nginx=True)), WELCOME, status())
    assert agent.nginx == []
    assert agent.services.wanted == ()
    assert "nginx" not in agent.report


def test_a_verdict_of_the_check_is_sent_once_and_again_to_a_new_engine(agent: Agent) -> None:
    bad = Health(HealthSource.CHECK, False, "GET /healthz: 500")
    assert agent.hears(Checked(False, "GET /healthz: 500"), Checked(False, "again")) == [bad]
    assert agent.hears(WELCOME) == [bad]
    assert agent.hears(Checked(True, "")) == [Health(HealthSource.CHECK, True)]


def test_the_kubelets_verdict_is_sent_when_its_time_has_come(agent: Agent) -> None:
    def pod(ready: bool) -> PodEvent:
        containers = [{"name": "nginx", "ready": ready, "containerID": "one", "restartCount": 0}]
        return PodEvent(Changed({"spec": {}, "status": {"initContainerStatuses": containers}}))

    assert agent.hears(pod(True)) == [Health(HealthSource.READINESS, True)]
    assert agent.hears(pod(False)) == []
    assert agent.coordinator.deadline_s() == 11
    assert agent.waits_until(11) == [Health(HealthSource.READINESS, False, "not ready for 11 s")]
    assert agent.hears(pod(True)) == [Health(HealthSource.READINESS, True)]


HEALTH = HealthSection(tcp=(TCPCheck(ip_address("127.0.0.1"), 5432, 1000, 1000, 2, 3),))
BAD = Health(HealthSource.TCP_CHECK, False, "tcp 127.0.0.1:5432: Connection refused", "web")


def test_checks_are_wanted_for_documents_of_this_node_and_only_when_they_change(agent: Agent) -> None:
    here = replace(document("web"), health=HEALTH)
    elsewhere = replace(document("api", nodes=("worker9",)), health=HEALTH)
    agent.hears(listed(here, elsewhere, document("plain")))
    assert agent.checks == [{"web": HEALTH}]
    agent.hears(listed(replace(here, generation=2), elsewhere))
    assert agent.checks == [{"web": HEALTH}]
    agent.hears(listed(replace(here, generation=3, health=None)))
    assert agent.checks[1:] == [{}]


def test_a_verdict_goes_to_the_engine_and_again_with_its_document_and_after_each_welcome(agent: Agent) -> None:
    here = replace(document("web"), health=HEALTH)
    agent.hears(listed(here), Connected(), WELCOME)
    assert agent.hears(BAD) == [BAD]
    assert agent.hears(listed(replace(here, generation=2)))[:2] == [Apply(replace(here, generation=2)), BAD]
    assert agent.hears(Disconnected(), Connected(), WELCOME)[-1] == BAD


def test_a_verdict_about_checks_that_are_gone_is_not_passed_on(agent: Agent) -> None:
    agent.hears(listed(replace(document("web"), health=HEALTH)), Connected(), WELCOME, BAD)
    agent.hears(listed(document("web", generation=2)))
    assert agent.hears(BAD) == []
    assert BAD not in agent.hears(Connected(), WELCOME)


def test_pods_are_watched_for_the_documents_that_select_some_and_what_is_new_about_them_is_told(agent: Agent) -> None:
    selection = PodSelection("shop", "app=web")
    selecting = replace(document(), health=HealthSection(pods=selection))
    agent.hears(listed(selecting, document("other")), WELCOME)
    assert agent.pods.wanted == {"web": selection}
    assert agent.coordinator.deadline_s() is not None
    bad, good = (Health(HealthSource.PODS, healthy, "", "web") for healthy in (False, True))
    for said, told in (([], []), ([bad], [bad]), ([bad], []), ([good], [good])):
        agent.pods.said = said
        assert agent.hears(PodsEvent(selection, Listed(()))) == told
    assert len(agent.pods.heard_s) == 4
    agent.hears(listed(document(generation=2)))
    assert agent.pods.wanted == {}


def test_checks_of_a_document_whose_server_the_engine_found_dead_are_doubted(agent: Agent) -> None:
    agent.hears(Connected(), WELCOME, status("web"))
    assert agent.doubts == []
    agent.hears(replace(status("web"), ailments=("ConnectionRefused",)))
    assert agent.doubts == ["web"]


SERVED, NOT_SERVED = (Health(HealthSource.SECTION, healthy, name="web") for healthy in (True, False))


def test_whether_nginx_serves_a_document_is_told_when_it_is_known(agent: Agent) -> None:
    agent.hears(listed(document("web", nginx=True), document("other")), Connected(), WELCOME)
    assert agent.hears(READY) == [], "it has not tried it yet"
    running = READY.model_copy(update={"documents": (NginxDocument(name="web", generation=1),)})
    assert agent.hears(running) == [SERVED]
    assert agent.hears(running.model_copy(update={"generation": "bb"})) == [], "no news"
    assert SERVED in agent.hears(Disconnected(), Connected(), WELCOME)


def test_a_document_that_nginx_serves_in_a_former_form_is_served_and_one_in_no_form_is_not(agent: Agent) -> None:
    refusal = NginxRefusal(document="web", generation=2, field="spec.nginx.http[0].port", message="in use")
    refused = NginxReport(generation="aa", refused=(refusal,))
    former = refused.model_copy(update={"documents": (NginxDocument(name="web", generation=1),)})
    agent.hears(listed(document("web", nginx=True)), Connected(), WELCOME)
    assert agent.hears(former) == [SERVED]
    assert agent.hears(refused) == [replace(NOT_SERVED, detail="spec.nginx.http[0].port: in use")]
