"""Watch events, lists and answers come in any order; the newest of each object counts, and the dead stay dead."""

from typing import Any

from vipkeeper.controller.kinds import CONFIGMAP, NODE, VIRTUALIP
from vipkeeper.controller.state import ClusterState


def node(name: str, version: int, uid: str = "", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": str(version), "labels": labels}}


def test_a_heartbeat_is_no_news() -> None:
    state = ClusterState()
    assert state.observe(NODE, node("w1", 1, rack="a"))
    assert not state.observe(NODE, node("w1", 2, rack="a") | {"status": {"conditions": ["heartbeat"]}})
    assert state.observe(NODE, node("w1", 3, rack="b"))


def test_an_older_version_does_not_overwrite_a_newer_one() -> None:
    state = ClusterState()
    state.observe(NODE, node("w1", 5, rack="new"))
    assert not state.observe(NODE, node("w1", 4, rack="old"))
    assert state.nodes["w1"].node.labels == {"rack": "new"}


def test_news_of_a_deleted_object_that_come_late_do_not_revive_it() -> None:
    state = ClusterState()
    state.observe(NODE, node("w1", 1))
    assert state.forget(NODE, node("w1", 3))
    assert not state.observe(NODE, node("w1", 2, rack="late"))
    assert state.nodes == {}


def test_deletion_of_a_former_object_does_not_touch_its_successor_of_the_same_name() -> None:
    state = ClusterState()
    state.observe(NODE, node("w1", 5, uid="second"))
    state.forget(NODE, node("w1", 4, uid="first"))
    assert "w1" in state.nodes


def test_a_list_removes_what_vanished_unseen_and_keeps_what_is_newer_than_the_list() -> None:
    state = ClusterState()
    state.observe(NODE, node("vanished", 3))
    state.observe(NODE, node("newer", 12))
    assert state.replace(NODE, [node("stays", 4)], version=10)
    assert sorted(state.nodes) == ["newer", "stays"]


def test_a_list_that_was_made_before_a_deletion_does_not_revive_the_object() -> None:
    state = ClusterState()
    state.observe(NODE, node("w1", 1))
    state.forget(NODE, node("w1", 11))
    state.replace(NODE, [node("w1", 1)], version=10)
    assert state.nodes == {}


def test_a_list_without_changes_is_no_news() -> None:
    state = ClusterState()
    state.replace(NODE, [node("w1", 1)], version=10)
    assert not state.replace(NODE, [node("w1", 2)], version=20)


def test_configmaps_of_others_do_not_concern_us() -> None:
    state = ClusterState()
    assert not state.observe(CONFIGMAP, node("kube-root-ca.crt", 1))
    assert state.observe(CONFIGMAP, node("vipkeeper-anchor", 2, uid="anchor"))
    assert state.anchor is not None
    assert state.anchor.uid == "anchor"


def test_an_anchor_that_is_being_deleted_is_none() -> None:
    state = ClusterState()
    anchor = node("vipkeeper-anchor", 1)
    state.observe(CONFIGMAP, anchor)
    state.observe(CONFIGMAP, {"metadata": {**anchor["metadata"], "resourceVersion": "2", "deletionTimestamp": "now"}})
    assert state.anchor is None


def test_virtualips_come_oldest_first() -> None:
    state = ClusterState()
    for name, created in [("b", "2026-01-01T00:00:01Z"), ("a", "2026-01-01T00:00:02Z")]:
        value = node(name, 1)
        value["metadata"] |= {"creationTimestamp": created, "generation": 1}
        state.observe(VIRTUALIP, {**value, "spec": {"addresses": ["192.0.2.1"]}})
    assert [item.name for item in state.virtualips] == ["b", "a"]


def test_what_was_buried_without_a_version_stays_dead_until_the_next_list() -> None:
    state = ClusterState()
    state.observe(NODE, node("w1", 5))
    assert state.bury(NODE, "uid-w1")
    assert not state.observe(NODE, node("w1", 6))
    assert not state.replace(NODE, [], version=10)
