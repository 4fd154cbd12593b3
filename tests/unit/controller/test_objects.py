import pytest

from tests.unit.controller.world import START
from vipkeeper.controller.kinds import DAEMONSET, LEASE, NODE, POD, SPEAKER, VIRTUALIP
from vipkeeper.controller.objects import LeaseSeen, NodeSeen, PodSeen, VirtualIPSeen, parse, parse_moment
from vipkeeper.spec.parse import Refusal

SPEAKER_LABELS = {"app.kubernetes.io/component": "speaker", "vipkeeper.dev/placement": "default"}


def test_moments_of_both_kinds_are_read() -> None:
    assert parse_moment("2026-01-02T03:04:05Z") == START
    assert parse_moment("2026-01-02T03:04:05.000000Z") == START
    assert parse_moment(None) is None


def test_a_pod_that_has_ended_is_none() -> None:
    pod = {"metadata": {"name": "p", "uid": "u", "labels": SPEAKER_LABELS}, "status": {"phase": "Failed"}}
    assert parse(POD, pod) is None


def test_a_pod_of_somebody_else_is_none() -> None:
    assert parse(POD, {"metadata": {"name": "p", "uid": "u"}}) is None


def test_a_pod_without_a_status_is_not_ready() -> None:
    pod = parse(POD, {"metadata": {"name": "p", "uid": "u", "labels": SPEAKER_LABELS}})
    assert isinstance(pod, PodSeen)
    assert (pod.node, pod.ready, pod.deleting) == ("", False, False)


@pytest.mark.parametrize(
    ("taint", "reachable"),
    [
        ({"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}, False),
        ({"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}, False),
        ({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, True),
    ],
)
def test_a_node_is_reachable_unless_its_kubelet_is_silent(taint: dict[str, str], reachable: bool) -> None:
    node = parse(NODE, {"metadata": {"name": "w1"}, "spec": {"taints": [taint]}})
    assert isinstance(node, NodeSeen)
    assert node.reachable is reachable


def test_a_bad_virtualip_is_seen_with_its_refusal() -> None:
    metadata = {"name": "web", "uid": "u", "generation": 3, "creationTimestamp": "2026-01-02T03:04:05Z"}
    seen = parse(VIRTUALIP, {"metadata": metadata, "spec": {"addresses": []}})
    assert isinstance(seen, VirtualIPSeen)
    assert isinstance(seen.parsed, Refusal)
    assert (seen.generation, seen.created_at) == (3, START)


def test_a_speaker_that_nobody_can_read_is_an_error_for_the_door() -> None:
    with pytest.raises(ValueError):
        parse(SPEAKER, {"metadata": {"name": "s", "uid": "u"}, "spec": {"placement": 7}})


def test_a_daemonset_of_another_name_is_none() -> None:
    value = {"metadata": {"name": "copy", "uid": "u", "labels": SPEAKER_LABELS}, "spec": {"template": {}}}
    assert parse(DAEMONSET, value) is None


def test_a_lease_without_a_renewal_is_a_lease() -> None:
    metadata = {"name": "vipkeeper.default.w1", "uid": "u", "labels": {"vipkeeper.dev/placement": "default"}}
    assert parse(LEASE, {"metadata": metadata}) == LeaseSeen("vipkeeper.default.w1", "u", "default", None)
