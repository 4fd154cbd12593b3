"""Stories of VirtualIPs, told to the plan until it has nothing left to do."""

import dataclasses
from base64 import b64encode

from tests.unit.controller.world import NAMESPACE, SETTINGS, START, World
from vipkeeper.controller.changes import Apply, Change, Delete, WriteStatus
from vipkeeper.controller.daemonsets import MOVE_LIMIT, UNUSED_GRACE
from vipkeeper.controller.kinds import CONFIGMAP, DAEMONSET, LEASE, NODE, POD, ROLE, SECRET, SPEAKER, VIRTUALIP
from vipkeeper.controller.reconcile import REPORT_LIMIT
from vipkeeper.spec.names import ANCHOR_CONFIGMAP, LEASE_DURATION_S, MOVE_ANNOTATION, speaker_name
from vipkeeper.spec.placement import placement_of
from vipkeeper.spec.settings import Ports
from vipkeeper.spec.virtualip import Nodes

RACK = {"nodes": {"selector": {"matchLabels": {"rack": "a"}}}}
RACK_PLACEMENT = placement_of(Nodes.model_validate(RACK["nodes"])).name


def settled(*, vrid: int | None = 51) -> World:
    """One VirtualIP, "web", held by w1; w2 and w3 are Backups."""
    world = World()
    world.virtualip("web", **({"vrid": vrid} if vrid else {}))
    world.settle()
    world.pods()
    world.speaker("default", "w1", web="Active")
    world.speaker("default", "w2", web="Backup")
    world.speaker("default", "w3", web="Backup")
    world.look()
    world.settle()
    return world


def test_a_virtualip_becomes_a_configmap_and_a_daemonset() -> None:
    world = World()
    web = world.virtualip("web", vrid=51)
    world.settle()
    document = world.documents()["web"]
    assert (document.vrid, document.generation, document.placement) == (51, 1, "default")
    assert sorted(document.nodes) == ["w1", "w2", "w3"]
    configmap = world.get(CONFIGMAP, "virtualip-web")["metadata"]
    assert configmap["namespace"] == NAMESPACE
    assert configmap["ownerReferences"][0]["uid"] == web["metadata"]["uid"]
    daemonset = world.get(DAEMONSET, "vipkeeper-speaker-default")["metadata"]
    assert daemonset["ownerReferences"][0]["name"] == ANCHOR_CONFIGMAP
    assert daemonset["annotations"]["vipkeeper.dev/ports"] == str(SETTINGS.ports.first)
    assert world.condition("web", "Accepted")["status"] == "True"


def test_the_daemonset_is_asked_for_before_the_document_because_a_pod_takes_longest() -> None:
    world = World()
    world.virtualip("web", vrid=51)
    kinds = [change.kind for change in world.plan().changes if isinstance(change, Apply)]
    assert kinds == [ROLE, DAEMONSET, CONFIGMAP]


def test_a_settled_world_needs_no_write_and_a_restarted_operator_neither() -> None:
    world = settled()
    assert world.plan().changes == ()
    world.restart_operator()
    assert world.plan().changes == ()


def test_the_status_tells_who_is_active() -> None:
    world = settled()
    assert world.status("web")["activeNode"] == "w1"
    assert world.condition("web", "Ready")["status"] == "True"


def test_a_vrid_is_pinned_in_status_before_anything_uses_it() -> None:
    world = World()
    world.virtualip("web")
    first = world.step()
    assert not [change for change in first if isinstance(change, Apply) and change.kind == CONFIGMAP]
    vrid = world.status("web")["vrid"]
    world.restart_operator()
    world.settle()
    assert world.documents()["web"].vrid == vrid
    told = [event for change in first if isinstance(change, WriteStatus) for event in change.events]
    assert any(str(vrid) in event.message for event in told)


def test_a_vrid_that_runs_is_kept_when_somebody_empties_the_status() -> None:
    world = settled(vrid=None)
    vrid = world.documents()["web"].vrid
    value = world.get(VIRTUALIP, "web")
    del value["status"]
    world.put(VIRTUALIP, value)
    world.settle()
    assert world.documents()["web"].vrid == world.status("web")["vrid"] == vrid


def test_allocated_vrids_differ_even_when_allocated_together() -> None:
    world = World()
    for number in range(40):
        world.virtualip(f"vip{number}", addresses=[f"192.0.2.{number + 1}"])
    world.settle()
    vrids = [document.vrid for document in world.documents().values()]
    assert len(set(vrids)) == 40


def hear_strangers(world: World, node: str, *vrids: int) -> None:
    value = world.get(SPEAKER, f"default.{node}")
    heard = {"interface": "eth0", "segment": "192.0.2.0/24", "foreignVRIDs": list(vrids)}
    value["status"]["segments"] = [heard]
    world.put(SPEAKER, value)


def test_a_vrid_that_strangers_use_on_the_segment_is_not_allocated_and_nobody_loses_his() -> None:
    world = settled()
    free = 200
    hear_strangers(world, "w2", 51, *(vrid for vrid in range(1, 256) if vrid != free))
    world.virtualip("new", addresses=["192.0.2.99"])
    world.settle()
    assert world.documents()["new"].vrid == free
    assert world.documents()["web"].vrid == 51, "who has it keeps it"
    hear_strangers(world, "w2", *range(1, 256))
    world.settle()
    assert world.documents()["new"].vrid == free
    world.virtualip("last", addresses=["192.0.2.98"])
    world.settle()
    assert world.documents()["last"].vrid not in (51, free), "nobody can refuse us all of them"


def test_an_edit_changes_the_document_and_not_the_daemonset() -> None:
    world = settled()
    world.virtualip("web", vrid=51, addresses=["192.0.2.11"], priority=120)
    changes = world.settle()
    assert {change.kind for change in changes if isinstance(change, Apply)} == {CONFIGMAP}
    document = world.documents()["web"]
    assert (str(document.addresses[0].address), document.generation) == ("192.0.2.11", 2)


def test_a_bad_edit_leaves_what_runs_and_names_the_field() -> None:
    world = settled()
    before = world.get(CONFIGMAP, "virtualip-web")
    world.virtualip("web", vrid=51, addresses=["192.0.2.300"])
    world.settle()
    assert world.get(CONFIGMAP, "virtualip-web") == before
    accepted = world.condition("web", "Accepted")
    assert accepted["status"] == "False"
    assert "spec.addresses[0]" in accepted["message"]
    assert DAEMONSET in {kind for kind, _ in world.objects}


def test_a_refused_object_keeps_its_pods_when_it_is_the_last_of_its_placement() -> None:
    world = settled()
    world.virtualip("web", vrid=51, addresses=["192.0.2.300"])
    world.settle()
    world.wait(3600)
    assert not [change for change in world.plan().changes if isinstance(change, Delete) and change.kind == DAEMONSET]


def test_an_object_that_was_never_good_is_never_rendered() -> None:
    world = World()
    world.virtualip("web", addresses=["nonsense"])
    world.settle()
    assert world.documents() == {}
    assert world.names(DAEMONSET) == []
    assert world.condition("web", "Accepted")["status"] == "False"


def test_the_newer_of_two_that_want_one_address_is_refused_and_taken_when_the_older_goes() -> None:
    world = settled()
    world.wait(1)
    world.virtualip("late", vrid=52)
    world.settle()
    assert sorted(world.documents()) == ["web"]
    assert world.condition("late", "Accepted")["reason"] == "Conflict"
    message = world.condition("late", "Accepted")["message"]
    assert "spec.addresses[0]" in message
    assert "web" in message
    world.remove(VIRTUALIP, "web")
    world.settle()
    assert sorted(world.documents()) == ["late"]
    assert world.condition("late", "Accepted")["status"] == "True"


def test_an_installation_without_nginx_refuses_an_nginx_section() -> None:
    settings = SETTINGS.model_copy(update={"nginx": SETTINGS.nginx.model_copy(update={"enabled": False})})
    world = World(settings)
    server = {"port": 80, "upstream": {"servers": [{"address": "10.0.0.1", "port": 80}]}}
    world.virtualip("web", vrid=51, nginx={"http": [server]})
    world.settle()
    assert world.condition("web", "Accepted")["reason"] == "NotServed"
    assert "spec.nginx" in world.condition("web", "Accepted")["message"]
    assert world.documents() == {}


def test_deletion_removes_the_document_at_once_and_the_pods_soon() -> None:
    world = settled()
    world.remove(VIRTUALIP, "web")
    world.settle()
    assert world.documents() == {}
    assert world.names(DAEMONSET) == ["vipkeeper-speaker-default"]
    world.wait(UNUSED_GRACE.total_seconds())
    world.settle()
    assert world.names(DAEMONSET) == []


def test_a_virtualip_that_is_deleted_and_applied_again_keeps_its_pods() -> None:
    world = settled()
    world.remove(VIRTUALIP, "web")
    world.settle()
    world.wait(1)
    world.virtualip("web", vrid=51)
    world.settle()
    world.wait(3600)
    world.settle()
    assert world.names(DAEMONSET) == ["vipkeeper-speaker-default"]
    annotations = world.get(DAEMONSET, "vipkeeper-speaker-default")["metadata"]["annotations"]
    assert "vipkeeper.dev/unused-since" not in annotations


def test_a_virtualip_that_a_finalizer_holds_is_released_all_the_same() -> None:
    world = settled()
    value = world.get(VIRTUALIP, "web")
    world.put(VIRTUALIP, {**value, "metadata": {**value["metadata"], "deletionTimestamp": "2026-01-02T03:04:06Z"}})
    world.settle()
    assert world.documents() == {}


def test_a_configmap_that_was_edited_by_hand_is_put_right() -> None:
    world = settled()
    value = world.get(CONFIGMAP, "virtualip-web")
    world.put(CONFIGMAP, {**value, "data": {"virtualip.json": "{}"}})
    world.settle()
    assert world.documents()["web"].vrid == 51


def test_a_label_that_somebody_added_to_a_configmap_is_left_alone() -> None:
    world = settled()
    value = world.get(CONFIGMAP, "virtualip-web")
    value["metadata"]["labels"]["team"] = "network"
    world.put(CONFIGMAP, value)
    assert world.plan().changes == ()


def test_a_configmap_of_a_former_object_of_that_name_is_taken_over() -> None:
    world = settled()
    value = world.get(VIRTUALIP, "web")
    world.remove(VIRTUALIP, "web")
    world.put(VIRTUALIP, {**value, "metadata": {**value["metadata"], "uid": "another"}})
    world.settle()
    assert world.documents()["web"].uid == "another"


def test_without_the_anchor_no_daemonset_is_made() -> None:
    world = World()
    world.remove(CONFIGMAP, ANCHOR_CONFIGMAP)
    world.virtualip("web", vrid=51)
    world.settle()
    assert world.names(DAEMONSET) == []


def test_a_new_node_takes_part_and_nobody_elses_priority_changes_order() -> None:
    world = settled()
    before = world.documents()["web"].nodes
    world.node("w4")
    world.settle()
    after = world.documents()["web"].nodes
    assert sorted(after) == ["w1", "w2", "w3", "w4"]
    ranks = sorted(before, key=lambda name: before[name].rank)
    assert sorted(before, key=lambda name: after[name].rank) == ranks


def test_a_node_with_a_taint_that_nobody_tolerates_takes_no_part() -> None:
    world = World()
    world.node("w3", taints=[{"key": "dedicated", "effect": "NoSchedule"}])
    world.virtualip("web", vrid=51)
    world.settle()
    assert sorted(world.documents()["web"].nodes) == ["w1", "w2"]


def test_a_node_that_stops_answering_stays_in_the_document() -> None:
    world = settled()
    before = world.documents()["web"]
    world.node("w1", taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}])
    world.settle()
    assert world.documents()["web"] == before


def test_placements_get_ports_of_their_own_and_keep_them() -> None:
    world = World()
    world.node("w1", labels={"rack": "a"})
    world.virtualip("web", vrid=51)
    world.virtualip("rack", vrid=52, addresses=["192.0.2.20"], **RACK)
    world.settle()
    ports = {
        name: world.get(DAEMONSET, name)["metadata"]["annotations"]["vipkeeper.dev/ports"]
        for name in world.names(DAEMONSET)
    }
    assert sorted(ports.values()) == [str(SETTINGS.ports.first), str(SETTINGS.ports.first + 4)]
    world.remove(VIRTUALIP, "web")
    world.settle()
    world.wait(3600)
    world.restart_operator()
    world.settle()
    name = f"vipkeeper-speaker-{RACK_PLACEMENT}"
    assert world.names(DAEMONSET) == [name]
    assert world.get(DAEMONSET, name)["metadata"]["annotations"]["vipkeeper.dev/ports"] == ports[name]


def test_no_ports_left_is_a_refusal_that_names_the_setting() -> None:
    first = SETTINGS.ports.first
    world = World(SETTINGS.model_copy(update={"ports": Ports(first=first, last=first + 3)}))
    world.virtualip("web", vrid=51)
    world.virtualip("rack", vrid=52, addresses=["192.0.2.20"], **RACK)
    world.settle()
    assert sorted(world.documents()) == ["web"]
    assert "ports.first" in world.condition("rack", "Accepted")["message"]


def is_pod_deletion(change: Change) -> bool:
    return isinstance(change, Delete) and change.kind == POD


def moving() -> World:
    """ "web" was held in placement default and asks for rack a now."""
    world = settled()
    world.node("w1", labels={"rack": "a"})
    world.settle()
    world.virtualip("web", vrid=51, **RACK)
    world.settle()
    return world


def test_a_move_waits_until_the_new_pods_are_ready() -> None:
    world = moving()
    assert world.documents()["web"].placement == "default"
    world.pods(RACK_PLACEMENT, ["w1"], ready=False)
    world.settle()
    assert world.documents()["web"].placement == "default"
    world.pods(RACK_PLACEMENT, ["w1"])
    world.settle()
    assert world.documents()["web"].placement == RACK_PLACEMENT
    assert world.get(CONFIGMAP, "virtualip-web")["metadata"]["labels"]["vipkeeper.dev/placement"] == RACK_PLACEMENT


def test_a_move_does_not_wait_for_ever_and_asks_to_be_looked_at_in_time() -> None:
    world = moving()
    look_again_at = world.plan().look_again_at
    assert look_again_at is not None
    assert look_again_at - world.now <= MOVE_LIMIT
    world.restart_operator()
    world.wait(MOVE_LIMIT.total_seconds())
    world.settle()
    assert world.documents()["web"].placement == RACK_PLACEMENT


def moved() -> World:
    world = moving()
    world.pods(RACK_PLACEMENT, ["w1"])
    world.settle()
    return world


def test_the_old_pods_stay_while_they_report_a_router_that_moves() -> None:
    world = moved()
    world.wait(UNUSED_GRACE.total_seconds() + 1)
    world.restart_operator()
    world.settle()
    assert "vipkeeper-speaker-default" in world.names(DAEMONSET)
    world.speaker(RACK_PLACEMENT, "w1", web="Active")
    for node in ("w1", "w2", "w3"):
        world.speaker("default", node)
    world.settle()
    assert world.names(DAEMONSET) == [f"vipkeeper-speaker-{RACK_PLACEMENT}"]


def test_the_old_pods_do_not_stay_for_ever() -> None:
    world = moved()
    for _ in range(int(MOVE_LIMIT.total_seconds() / 10)):
        world.wait(10)
        for node in ("w1", "w2", "w3"):
            world.lease("default", node)
        world.look()
        world.settle()
    assert world.names(DAEMONSET) == [f"vipkeeper-speaker-{RACK_PLACEMENT}"]


def test_a_settings_change_is_applied_to_the_daemonset_and_rolled_out_backups_first() -> None:
    world = settled()
    world.settings = SETTINGS.model_copy(update={"speaker_image": "vipkeeper:next"})
    assert not any(is_pod_deletion(change) for change in world.settle()), "the DaemonSet controller has not seen it"
    world.daemonset_status("default", 3, 3)
    order = []
    for _ in range(3):
        world.wait(1)
        order += [change.name.removeprefix("default-") for change in world.settle() if is_pod_deletion(change)]
        world.daemonset_status("default", 3, 3)
        (gone,) = {"w1", "w2", "w3"} - {name.removeprefix("default-") for name in world.names(POD)}
        world.pods(nodes=[gone])
        world.daemonset_status("default", 3, 3)
        assert not any(is_pod_deletion(change) for change in world.settle()), "the new speaker has not reported yet"
        world.speaker("default", gone, web="Backup")
    assert not any(is_pod_deletion(change) for change in world.settle())
    assert order == ["w2", "w3", "w1"], "the Active node is the last"


def test_a_roll_out_waits_until_the_new_speaker_is_well_and_for_somebody_to_take_over() -> None:
    world = settled()
    world.settings = SETTINGS.model_copy(update={"speaker_image": "vipkeeper:next"})
    world.settle()

    def next_one(**troubles: list[str]) -> str:
        """The last one that went comes back, and reports this."""
        (gone,) = {"w1", "w2", "w3"} - {name.removeprefix("default-") for name in world.names(POD)} or {""}
        if gone:
            world.pods(nodes=[gone])
            world.speaker("default", gone, web="Backup")
            speaker = world.get(SPEAKER, f"default.{gone}")
            speaker["status"]["virtualRouters"][0] |= troubles
            world.put(SPEAKER, speaker)
        world.daemonset_status("default", 3, 3)
        deletions = [change.name.removeprefix("default-") for change in world.settle() if is_pod_deletion(change)]
        return " ".join(deletions)

    def mend(node: str) -> None:
        world.wait(1)
        world.speaker("default", node, web="Backup")

    assert next_one() == "w2"
    world.wait(1)
    assert next_one(faults=["NotPrepared"]) == "", "the version may be to blame"
    mend("w2")
    assert next_one() == "w3"
    world.wait(1)
    assert next_one(ailments=["TCPCheckFailed"]) == "w1", "w2 is fit; what w3 serves is its own affair"
    world = settled()
    for node in ("w2", "w3"):
        world.speaker("default", node, web="Initialize")
    world.settings = SETTINGS.model_copy(update={"speaker_image": "vipkeeper:next"})
    world.settle()
    assert next_one() == "w2"
    assert next_one(ailments=["TCPCheckFailed"]) == "w3"
    assert next_one(ailments=["TCPCheckFailed"]) == "", "nobody could take over"
    mend("w3")
    assert next_one() == "w1"


def test_a_roll_out_does_not_hang_on_a_node_whose_clock_is_behind() -> None:
    world = settled()
    world.settings = SETTINGS.model_copy(update={"speaker_image": "vipkeeper:next"})
    world.settle()
    world.daemonset_status("default", 3, 3)
    world.settle()
    world.wait(5)
    world.pods(nodes=["w2"])
    world.daemonset_status("default", 3, 3)
    assert not any(is_pod_deletion(change) for change in world.settle()), "the report is the old pod's"

    def a_while_later() -> bool:
        world.wait(REPORT_LIMIT.total_seconds())
        for node in ("w1", "w2", "w3"):
            world.lease("default", node)
        world.look()
        world.now = max(world.now, world.hearing.patience_until)
        return any(is_pod_deletion(change) for change in world.settle())

    assert not a_while_later(), "nothing came from the new pod: its engine may hang"
    now, world.now = world.now, START
    world.speaker("default", "w2", web="Backup")
    world.now = now
    world.hearing.reported("default", "w2", now)
    assert a_while_later()


def test_objects_of_a_node_that_is_gone_are_removed() -> None:
    world = settled()
    world.remove(NODE, "w3")
    world.settle()
    assert world.names(SPEAKER) == ["default.w1", "default.w2"]
    assert world.names(LEASE) == ["vipkeeper.default.w1", "vipkeeper.default.w2"]


def test_objects_of_a_placement_that_is_gone_are_removed_when_its_pods_are() -> None:
    world = settled()
    world.remove(VIRTUALIP, "web")
    world.settle()
    world.wait(3600)
    world.settle()
    assert world.names(SPEAKER) != [], "the agents still run"
    for name in world.names(POD):
        world.remove(POD, name)
    world.settle()
    assert world.names(SPEAKER) == world.names(LEASE) == []


def test_a_silent_speaker_is_not_believed() -> None:
    world = settled()
    for _ in range(5):
        world.wait(LEASE_DURATION_S / 4)
        world.lease("default", "w2")
        world.lease("default", "w3")
        world.look()
        world.settle()
    nodes = {node["name"]: node["state"] for node in world.status("web")["nodes"]}
    assert nodes == {"w1": "Unknown", "w2": "Backup", "w3": "Backup"}
    assert world.condition("web", "Ready")["status"] == "Unknown"


def test_after_an_absence_of_the_api_server_silence_is_not_held_against_the_speakers() -> None:
    world = settled()
    before = world.status("web")
    world.wait(600)
    world.look()
    world.settle()
    assert world.status("web") == before
    look_again_at = world.plan().look_again_at
    assert look_again_at is not None
    world.now = look_again_at
    world.look()
    world.settle()
    assert world.status("web") != before


def test_a_failover_is_written_with_its_event() -> None:
    world = settled()
    world.wait(20)
    world.speaker("default", "w2", web="Active")
    changes = world.settle()
    assert world.status("web")["activeNode"] == "w2"
    events = [event for change in changes if isinstance(change, WriteStatus) for event in change.events]
    assert any("w2" in event.message for event in events)


def test_a_document_of_a_newer_version_is_replaced() -> None:
    world = settled()
    value = world.get(CONFIGMAP, "virtualip-web")
    world.put(CONFIGMAP, {**value, "data": {"virtualip.json": '{"format": 99}'}})
    world.settle()
    assert dataclasses.asdict(world.documents()["web"])["vrid"] == 51


def unicast() -> World:
    """As `settled`, by unicast; the speakers have reported where they are found."""
    world = World()
    world.virtualip("web", vrid=51, vrrp={"transport": "Unicast"})
    world.settle()
    world.pods()
    for number, node in enumerate(("w1", "w2", "w3"), 1):
        world.speaker("default", node, web="Backup")
        reported_at(world, node, f"192.0.2.{number}")
    world.settle()
    return world


def reported_at(world: World, node: str, address: str | None) -> None:
    name = speaker_name("default", node)
    value = world.get(SPEAKER, name)
    for report in value["status"]["virtualRouters"]:
        report.pop("primaryAddress", None)
        report |= {"primaryAddress": address} if address else {}
    world.put(SPEAKER, value)


def ways(world: World) -> dict[str, list[str]]:
    return {name: [str(way) for way in share.ways(4)] for name, share in world.documents()["web"].nodes.items()}


def test_unicast_finds_the_nodes_where_their_speakers_report_them() -> None:
    world = unicast()
    assert ways(world) == {"w1": ["192.0.2.1"], "w2": ["192.0.2.2"], "w3": ["192.0.2.3"]}
    assert world.plan().changes == ()
    reported_at(world, "w2", "192.0.2.22")
    changes = world.settle()
    assert {change.kind for change in changes if isinstance(change, Apply)} == {CONFIGMAP}
    assert ways(world)["w2"] == ["192.0.2.22"]
    assert world.documents()["web"].generation == 1


def test_a_speaker_that_starts_again_is_where_it_was_before() -> None:
    world = unicast()
    before = ways(world)
    reported_at(world, "w2", None)
    assert [change for change in world.settle() if isinstance(change, Apply)] == []
    world.remove(SPEAKER, speaker_name("default", "w1"))
    world.settle()
    world.restart_operator()
    world.settle()
    assert ways(world) == before


def test_reported_addresses_make_no_document_anew_that_has_no_use_for_them() -> None:
    world = settled()
    before = world.get(CONFIGMAP, "virtualip-web")
    reported_at(world, "w2", "192.0.2.22")
    world.settle()
    assert world.get(CONFIGMAP, "virtualip-web") == before


# ---- secrets

AUTHENTICATION = {"hmac": {"keys": [{"id": 1, "secretRef": {"name": "web-vrrp", "key": "key-1"}}]}}
KEY, OTHER_KEY, SHORT_KEY = (b64encode(text).decode() for text in (b"1" * 32, b"2" * 32, b"short"))


def user_secret(world: World, **data: str) -> None:
    world.put(SECRET, {"metadata": {"name": "web-vrrp"}, "data": data})


def placement_secret(world: World) -> dict[str, str]:
    return dict(world.get(SECRET, "vipkeeper-speaker-default")["data"])


def test_the_secret_comes_before_the_document_and_the_document_holds_no_key() -> None:
    world = World()
    user_secret(world, **{"key-1": KEY, "other": OTHER_KEY})
    world.virtualip("web", vrid=51, vrrp={"authentication": AUTHENTICATION})
    kinds = [change.kind for change in world.plan().changes if isinstance(change, Apply)]
    assert kinds == [ROLE, SECRET, DAEMONSET, CONFIGMAP]
    world.settle()
    assert placement_secret(world) == {"web-vrrp_key-1": KEY}
    assert KEY not in str(world.get(CONFIGMAP, "virtualip-web"))
    assert world.plan().changes == ()


def test_a_secret_that_is_missing_is_told_and_nothing_is_made_until_it_comes() -> None:
    world = World()
    world.virtualip("web", vrid=51, vrrp={"authentication": AUTHENTICATION})
    world.settle()
    condition = world.condition("web", "Accepted")
    assert (condition["status"], condition["reason"]) == ("False", "SecretMissing")
    assert condition["message"] == (
        "spec.vrrp.authentication.hmac.keys[0].secretRef: there is no Secret web-vrrp in namespace vipkeeper-system "
        "(key key-1 is needed)"
    )
    assert world.documents() == {}
    user_secret(world, **{"key-1": KEY})
    world.settle()
    assert world.condition("web", "Accepted")["status"] == "True"
    assert list(world.documents()) == ["web"]


def test_what_runs_goes_on_with_its_keys_when_the_users_secret_goes_or_turns_bad() -> None:
    world = World()
    user_secret(world, **{"key-1": KEY})
    world.virtualip("web", vrid=51, vrrp={"authentication": AUTHENTICATION})
    world.settle()
    document = world.documents()["web"]
    user_secret(world, **{"key-1": SHORT_KEY})
    world.settle()
    assert "key key-1 of Secret vipkeeper-system/web-vrrp has 5 bytes" in world.condition("web", "Accepted")["message"]
    world.remove(SECRET, "web-vrrp")
    world.settle()
    assert world.condition("web", "Accepted")["reason"] == "SecretMissing"
    assert (world.documents()["web"], placement_secret(world)) == (document, {"web-vrrp_key-1": KEY})
    user_secret(world, **{"key-1": OTHER_KEY})
    world.settle()
    assert placement_secret(world) == {"web-vrrp_key-1": OTHER_KEY}
    assert world.condition("web", "Accepted")["status"] == "True"


def test_with_the_last_document_that_refers_to_a_secret_the_placements_secret_goes() -> None:
    world = World()
    user_secret(world, **{"key-1": KEY})
    world.virtualip("web", vrid=51, vrrp={"authentication": AUTHENTICATION})
    world.settle()
    world.virtualip("web", vrid=51)
    world.settle()
    assert world.names(SECRET) == ["web-vrrp"]


def test_each_placement_has_the_secrets_of_its_own_documents() -> None:
    world = World()
    user_secret(world, **{"key-1": KEY})
    world.virtualip("web", vrid=51, vrrp={"authentication": AUTHENTICATION})
    world.virtualip("api", vrid=52, addresses=["192.0.2.11"], **RACK)
    world.settle()
    assert world.names(SECRET) == ["vipkeeper-speaker-default", "web-vrrp"]
    role = world.get(ROLE, "vipkeeper-speaker-secrets")
    assert role["rules"][0]["resourceNames"] == sorted(
        ["vipkeeper-speaker-default", f"vipkeeper-speaker-{RACK_PLACEMENT}"]
    )


def test_the_families_of_an_object_that_runs_can_not_be_changed() -> None:
    world = settled()
    before = world.get(CONFIGMAP, "virtualip-web")
    world.virtualip("web", vrid=51, vrrp={"families": "Separate"})
    world.settle()
    assert world.get(CONFIGMAP, "virtualip-web") == before
    assert "spec.vrrp.families: can't be changed" in world.condition("web", "Accepted")["message"]


# ---- moves


def ask_to_move(world: World, name: str, node: str) -> None:
    value = world.get(VIRTUALIP, name)
    value["metadata"]["annotations"] = {MOVE_ANNOTATION: node} if node else {}
    world.put(VIRTUALIP, value)


def moving_world() -> World:
    world = World()
    world.virtualip("web", vrid=51, vrrp={"preempt": False})
    world.settle()
    world.pods()
    world.speaker("default", "w1", web="Active")
    for node in ("w2", "w3"):
        world.speaker("default", node, web="Backup")
    world.settle()
    return world


def move_of(world: World, name: str = "web") -> tuple[str, str]:
    move = world.status(name)["move"]
    return move["phase"], move["node"]


def test_a_move_gives_the_node_the_highest_priority_until_it_is_released() -> None:
    world = moving_world()
    before = world.documents()["web"]
    ask_to_move(world, "web", "w3")
    world.settle()
    document = world.documents()["web"]
    assert move_of(world) == ("Accepted", "w3")
    assert (document.nodes["w3"].priority, document.nodes["w3"].rank) == (254, 0)
    assert max(share.priority for name, share in document.nodes.items() if name != "w3") < 254
    assert (document.preempt, document.preempt_delay_ms) == (True, 0)
    world.wait(1)
    world.speaker("default", "w3", web="Active")
    world.speaker("default", "w1", web="Backup")
    world.settle()
    assert move_of(world) == ("Done", "w3")
    world.restart_operator()
    world.settle()
    assert world.documents()["web"] == document
    ask_to_move(world, "web", "")
    world.settle()
    assert "move" not in world.status("web")
    assert world.documents()["web"] == before


def test_a_move_to_a_node_that_takes_no_part_is_refused_with_an_event() -> None:
    world = moving_world()
    before = world.documents()["web"]
    ask_to_move(world, "web", "nowhere")
    events = [event for change in world.settle() if isinstance(change, WriteStatus) for event in change.events]
    assert [(event.type, event.reason) for event in events] == [("Warning", "MoveRefused")]
    assert move_of(world) == ("Refused", "nowhere")
    assert "nowhere does not take part" in world.status("web")["move"]["reason"]
    assert world.documents()["web"] == before
    assert world.plan().changes == ()


def test_a_move_ends_when_another_node_takes_over() -> None:
    world = moving_world()
    before = world.documents()["web"]
    ask_to_move(world, "web", "w3")
    world.settle()
    world.wait(1)
    world.speaker("default", "w3", web="Active")
    world.speaker("default", "w1", web="Backup")
    world.settle()
    world.wait(1)
    world.speaker("default", "w3", web="Initialize")
    world.speaker("default", "w2", web="Active")
    world.settle()
    assert move_of(world) == ("Ended", "w3")
    assert world.documents()["web"] == before
    world.wait(10)
    world.speaker("default", "w3", web="Backup")
    world.settle()
    assert move_of(world) == ("Ended", "w3")


def test_a_spec_that_is_refused_leaves_the_move_as_it_is() -> None:
    world = moving_world()
    ask_to_move(world, "web", "w3")
    world.settle()
    value = world.get(VIRTUALIP, "web")
    world.put(VIRTUALIP, {**value, "spec": {"addresses": ["nonsense"]}})
    world.settle()
    assert world.condition("web", "Accepted")["status"] == "False"
    assert move_of(world) == ("Accepted", "w3")
    assert world.documents()["web"].nodes["w3"].priority == 254
