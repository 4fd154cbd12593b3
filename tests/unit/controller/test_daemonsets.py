from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.controller.world import NAMESPACE, SETTINGS, START, World
from vipkeeper.controller.changes import Delete, MarkUnused
from vipkeeper.controller.daemonsets import MOVE_LIMIT, UNUSED_GRACE, fingerprint, keep, may_move, retire
from vipkeeper.controller.kinds import DAEMONSET
from vipkeeper.controller.objects import DaemonSetSeen, parse
from vipkeeper.render.daemonset import Anchor, render_daemonset
from vipkeeper.spec.placement import placement_of
from vipkeeper.spec.ports import PortBlock
from vipkeeper.spec.speaker import VirtualRouterReport, VRRPSpeaker, VRRPSpeakerStatus

S = timedelta(seconds=1)


def rendered(image: str = "vipkeeper:test") -> dict[str, Any]:
    settings = SETTINGS.model_copy(update={"speaker_image": image})
    return fingerprint(render_daemonset(placement_of(None), PortBlock(17410), settings, NAMESPACE, Anchor("anchor")))


def stored(body: dict[str, Any]) -> DaemonSetSeen:
    world = World()
    seen = parse(DAEMONSET, world.put(DAEMONSET, body))
    assert isinstance(seen, DaemonSetSeen)
    return seen


def speaker(*routers: str) -> VRRPSpeaker:
    reports = tuple(
        VirtualRouterReport(name=name, uid="u", generation=1, vrid=1, state="Active", since=START, priority=100)
        for name in routers
    )
    return VRRPSpeaker(node_name="w1", placement="default", status=VRRPSpeakerStatus(virtual_routers=reports))


def test_what_is_as_wanted_is_left_alone() -> None:
    body = rendered()
    assert keep(body, stored(body)) is None


def test_defaults_of_the_api_server_make_no_difference() -> None:
    body = rendered()
    value = rendered()
    value["spec"]["template"]["spec"]["schedulerName"] = "default-scheduler"
    value["spec"]["template"]["spec"]["containers"][0]["terminationMessagePath"] = "/dev/termination-log"
    assert keep(body, stored(value)) is None


def test_another_version_and_a_change_by_hand_are_put_right() -> None:
    assert keep(rendered("vipkeeper:next"), stored(rendered())) is not None
    edited = rendered()
    edited["spec"]["template"]["spec"]["containers"][0]["image"] = "evil"
    assert keep(rendered(), stored(edited)) is not None


def test_a_daemonset_that_is_being_deleted_is_not_fought_over() -> None:
    assert keep(rendered("vipkeeper:next"), replace(stored(rendered()), deleting=True)) is None


def test_the_template_hash_changes_with_the_template_only() -> None:
    one, other = stored(rendered()), stored(rendered("vipkeeper:next"))
    assert one.template != other.template
    labelled = rendered()
    labelled["metadata"]["labels"]["more"] = "label"
    assert stored(fingerprint(labelled)).template != ""
    assert stored(rendered()).template == one.template


def test_a_move_waits_for_ready_pods_but_not_for_ever() -> None:
    waiting = replace(stored(rendered()), desired=2, ready=1, observed_generation=1, generation=1)
    assert may_move(waiting, START) == (False, START + MOVE_LIMIT)
    assert may_move(waiting, START + MOVE_LIMIT)[0]
    assert may_move(replace(waiting, ready=2), START)[0]
    assert may_move(None, START) == (False, None)


def test_a_daemonset_without_nodes_is_not_ready() -> None:
    assert not may_move(replace(stored(rendered()), observed_generation=1, generation=1), START)[0]


def test_an_unused_daemonset_is_first_marked_then_deleted() -> None:
    seen = stored(rendered())
    first = retire(seen, [], {}, START)
    assert isinstance(first.change, MarkUnused)
    marked = replace(seen, unused_since=START)
    assert retire(marked, [], {}, START + 1 * S).look_again_at == START + UNUSED_GRACE
    assert isinstance(retire(marked, [], {}, START + UNUSED_GRACE).change, Delete)


def test_it_stays_while_its_speakers_hold_a_router_that_lives_elsewhere_now() -> None:
    marked = replace(stored(rendered()), unused_since=START)
    homes = {"web": "p-12345678"}
    late = START + UNUSED_GRACE + 1 * S
    assert retire(marked, [speaker("web")], homes, late).change is None
    assert retire(marked, [speaker("web")], homes, late).look_again_at == START + MOVE_LIMIT
    assert isinstance(retire(marked, [speaker()], homes, late).change, Delete)
    assert isinstance(retire(marked, [speaker("deleted")], homes, late).change, Delete)
    assert isinstance(retire(marked, [speaker("web")], homes, START + MOVE_LIMIT).change, Delete)
