from collections.abc import Collection
from dataclasses import replace

import pytest

from tests.unit.controller.world import START
from vipkeeper.controller.changes import Delete
from vipkeeper.controller.objects import DaemonSetSeen, PodSeen
from vipkeeper.controller.rollout import Waits, next_replacement

ALL = {"w1", "w2", "w3"}
DAEMONSET = DaemonSetSeen(
    name="vipkeeper-speaker-default",
    uid="uid",
    placement="default",
    created_at=START,
    ports=None,
    template="new",
    rendered="",
    unused_since=None,
    deleting=False,
    generation=2,
    observed_generation=2,
    desired=3,
    ready=3,
)


def pod(node: str, template: str = "old", ready: bool = True, deleting: bool = False) -> PodSeen:
    return PodSeen(f"pod-{node}", f"uid-{node}", "default", node, START, template, ready, deleting)


def chosen(
    *pods: PodSeen,
    working: set[str] = ALL,
    active: set[str] = {"w1"},  # noqa: B006
    relievable: set[str] = {"w1"},  # noqa: B006
    unreachable: set[str] = set(),  # noqa: B006
    daemonset: DaemonSetSeen = DAEMONSET,
) -> str | None:
    change = next_replacement(daemonset, pods, working, active, relievable, unreachable)
    return change.name.removeprefix("pod-") if isinstance(change, Delete) else None


def reason(*pods: PodSeen, working: Collection[str] = ALL, relievable: Collection[str] = ALL) -> str:
    change = next_replacement(DAEMONSET, pods, working, {"w1"}, relievable, set())
    return change.why if isinstance(change, Waits) else ""


def test_nothing_is_old_so_nothing_is_replaced() -> None:
    assert chosen(pod("w1", "new"), pod("w2", "new"), pod("w3", "new")) is None


def test_backups_go_first() -> None:
    assert chosen(pod("w1"), pod("w2"), pod("w3")) == "w2"


def test_the_active_node_goes_last() -> None:
    assert chosen(pod("w1"), pod("w2", "new"), pod("w3", "new")) == "w1"


@pytest.mark.parametrize(
    "second",
    [pod("w2", "new", ready=False), pod("w2", "old", deleting=True)],
    ids=["the replaced pod is not Ready", "the old pod still ends"],
)
def test_one_at_a_time(second: PodSeen) -> None:
    assert chosen(pod("w1"), second, pod("w3")) is None


def test_the_next_waits_until_the_replaced_pod_exists() -> None:
    assert chosen(pod("w1"), pod("w3")) is None


def test_the_next_waits_until_the_new_speaker_does_its_work() -> None:
    assert chosen(pod("w1"), pod("w2", "new"), pod("w3"), working={"w1", "w3"}) is None


def test_a_broken_old_pod_goes_before_all_and_at_once() -> None:
    assert chosen(pod("w1"), pod("w2", "bad", ready=False), pod("w3"), working={"w1", "w3"}) == "w2"


def test_a_bad_version_stops_at_its_first_pod() -> None:
    assert chosen(pod("w1"), pod("w2", "new", ready=False), pod("w3")) is None


@pytest.mark.parametrize("node", ["w1", "w3"])
def test_while_a_version_shows_itself_bad_a_good_pod_that_is_not_ready_for_a_moment_does_not_get_it(node: str) -> None:
    pods = [pod("w1"), pod("w2", "new", ready=False), pod("w3")]
    assert chosen(*(replace(item, ready=False) if item.node == node else item for item in pods)) is None


def test_a_broken_active_node_is_no_first_victim_of_a_new_version() -> None:
    assert chosen(pod("w1", ready=False), pod("w2"), pod("w3")) == "w2"


def test_an_active_node_waits_for_somebody_who_can_take_over() -> None:
    pods = [pod("w1"), pod("w2", "new"), pod("w3", "new")]
    assert chosen(*pods, relievable=set()) is None
    assert chosen(pod("w1"), pod("w2"), pod("w3", "new"), active={"w1", "w2"}, relievable={"w2"}) == "w2"


def test_a_node_that_does_not_answer_holds_nobody_up_and_is_not_touched() -> None:
    pods = [pod("w1"), pod("w2", deleting=True), pod("w3")]
    assert chosen(*pods, unreachable={"w2"}) == "w3"
    assert chosen(pod("w1", "new"), pod("w2"), pod("w3", "new"), unreachable={"w2"}) is None


def test_it_waits_until_the_daemonset_controller_knows_the_new_template() -> None:
    assert chosen(pod("w1"), pod("w2"), pod("w3"), daemonset=replace(DAEMONSET, observed_generation=1)) is None


def test_a_daemonset_that_is_being_deleted_is_left_alone() -> None:
    assert chosen(pod("w1"), pod("w2"), pod("w3"), daemonset=replace(DAEMONSET, deleting=True)) is None


def test_it_says_what_it_waits_for() -> None:
    first, third = pod("w1"), pod("w3")
    assert reason(first, pod("w2", "new", ready=False), third) == "the new pod on node w2 is not Ready"
    assert reason(first, pod("w2", deleting=True), third) == "the pod on node w2 ends"
    assert reason(first, third) == "a node has no pod yet"
    assert "w2 does not do its work yet" in reason(first, pod("w2", "new"), third, working={"w1"})
    new = [pod("w2", "new"), pod("w3", "new")]
    assert reason(first, *new, relievable=()) == "no healthy Backup could take over everything from w1"
    assert reason(pod("w1", "new"), *new, working=()) == "", "it is over"
