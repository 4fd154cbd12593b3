from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import TypeAlias

import pytest

from tests.unit.agent.api_server import ApiServer, wait_for
from vipkeeper.agent import kube_watch
from vipkeeper.agent.kube_api import KubeApi
from vipkeeper.agent.kube_watch import Changed, Deleted, Listed, Reached, Refused, Unreachable, Watch, WatchEvent

PATH = "/api/v1/namespaces/ns/configmaps"
SELECTOR = {"labelSelector": "app=ours"}
OURS = {"metadata": {"labels": {"app": "ours"}}}
THEIRS = {"metadata": {"labels": {"app": "theirs"}}}

Told: TypeAlias = "queue.SimpleQueue[WatchEvent]"


@pytest.fixture
def told() -> Told:
    return queue.SimpleQueue()


@pytest.fixture
def watch(api: KubeApi, told: Told) -> Iterator[Watch]:
    watch = Watch(api, PATH, SELECTOR, told.put)
    yield watch
    watch.stop()


def names(event: WatchEvent) -> list[str]:
    assert isinstance(event, Listed)
    return [item["metadata"]["name"] for item in event.items]


def next_of(told: Told, kind: type[WatchEvent]) -> WatchEvent:
    """The next event; it must be of that kind."""
    event = told.get(timeout=10)
    assert isinstance(event, kind), event
    return event


def next_list(told: Told) -> list[str]:
    """Whatever comes before it: a server that goes down is noticed once or twice."""
    while not isinstance(event := told.get(timeout=10), Listed):
        pass
    return names(event)


def test_it_tells_all_that_is_selected_in_pages_and_then_every_change(
    server: ApiServer, api: KubeApi, told: Told
) -> None:
    for number in range(5):
        server.put(f"{PATH}/a{number}", OURS)
    server.put(f"{PATH}/b", THEIRS)
    watch = Watch(api, PATH, SELECTOR, told.put)
    assert names(next_of(told, Listed)) == ["a0", "a1", "a2", "a3", "a4"]
    server.put(f"{PATH}/c", OURS)
    changed = next_of(told, Changed)
    assert isinstance(changed, Changed)
    assert changed.item["metadata"]["name"] == "c"
    server.delete(f"{PATH}/a0")
    assert isinstance(next_of(told, Deleted), Deleted)
    watch.stop()


@pytest.mark.usefixtures("watch")
def test_an_object_that_loses_its_label_is_deleted_for_us(server: ApiServer, told: Told) -> None:
    assert next_list(told) == []
    server.put(f"{PATH}/a", OURS)
    next_of(told, Changed)
    server.put(f"{PATH}/a", THEIRS)
    next_of(told, Deleted)


@pytest.mark.usefixtures("watch")
def test_it_is_back_within_two_seconds_of_an_api_server_and_misses_nothing(server: ApiServer, told: Told) -> None:
    next_of(told, Listed)
    wait_for(lambda: server.watches, "the watch")
    server.stop()
    next_of(told, Unreachable)
    server.put(f"{PATH}/meanwhile", OURS)
    server.start()
    while not isinstance(event := told.get(timeout=2), Changed):
        assert isinstance(event, Unreachable | Reached)
    assert event.item["metadata"]["name"] == "meanwhile"


@pytest.mark.usefixtures("watch")
def test_it_says_when_the_api_server_is_reached_again_even_if_nothing_changed(server: ApiServer, told: Told) -> None:
    next_of(told, Listed)
    server.stop()
    next_of(told, Unreachable)
    server.start()
    while not isinstance(event := told.get(timeout=5), Reached):
        assert isinstance(event, Unreachable)


@pytest.mark.usefixtures("watch")
def test_a_gap_in_the_history_leads_to_a_new_list(server: ApiServer, told: Told) -> None:
    next_of(told, Listed)
    wait_for(lambda: server.watches, "the watch")
    server.put(f"{PATH}/a", OURS)
    next_of(told, Changed)
    server.forget()
    assert next_list(told) == ["a"]


def test_a_connection_without_data_is_given_up(
    server: ApiServer, api: KubeApi, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_watch, "READ_TIMEOUT_S", 0.3)
    watch = Watch(api, PATH, SELECTOR, told.put)
    next_of(told, Listed)
    wait_for(lambda: server.watches, "the watch")
    server.silent = True
    next_of(told, Unreachable)
    server.put(f"{PATH}/a", OURS)
    server.silent = False
    while not isinstance(event := told.get(timeout=10), Changed):
        assert isinstance(event, Unreachable | Reached)
    watch.stop()


def test_a_watch_that_the_server_ends_goes_on_without_a_new_list(
    server: ApiServer, api: KubeApi, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kube_watch, "WATCH_S", 1)
    watch = Watch(api, PATH, SELECTOR, told.put)
    next_of(told, Listed)
    wait_for(lambda: server.count("WATCH", PATH) >= 3, "three watches")
    server.put(f"{PATH}/a", OURS)
    next_of(told, Changed)
    assert server.count("GET", PATH) == 1
    watch.stop()


@pytest.mark.usefixtures("watch")
def test_a_refusal_is_told_with_its_reason(server: ApiServer, told: Told) -> None:
    next_of(told, Listed)
    wait_for(lambda: server.watches, "the watch")
    server.refuse[PATH] = 403
    server.stop()
    server.start()
    while not isinstance(event := told.get(timeout=10), Refused):
        assert isinstance(event, Unreachable | Reached)
    assert event.reason == "403: forbidden"


def test_a_stopped_watch_gives_its_connection_up_and_says_nothing_more(
    server: ApiServer, watch: Watch, told: Told
) -> None:
    next_of(told, Listed)
    wait_for(lambda: server.watches == 1, "the watch")
    watch.stop()

    def ended() -> bool:
        server.put(f"{PATH}/a", OURS)  # a server notices when it writes
        return server.watches == 0

    wait_for(ended, "the connection to end")
    assert told.empty()
