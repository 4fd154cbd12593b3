"""operator/vipkeeper/spec/belief.py"""

from __future__ import annotations

from tests.unit.spec.objects import at, document, heard, report, serving, speaker
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer
from vipkeeper.spec.belief import NodeView, SpeakerView, node_views
from vipkeeper.spec.speaker import RefusedDocument

NGINX = NginxSection((HTTPServer(80, servers=(UpstreamServer("192.0.2.81", 80),)),))


def believed(*views: SpeakerView, now_s: float = 5.0) -> dict[str, tuple[str, str]]:
    """State and health of n1, n2 and n3, by name."""
    nodes = node_views(document("n1", "n2", "n3"), views, at(now_s))
    return {node.name: (node.state, node.health) for node in nodes}


def one(view: SpeakerView, now_s: float = 5.0) -> NodeView:
    (node,) = node_views(document("n1"), [view], at(now_s))
    return node


def test_who_speaks_is_believed_and_who_has_no_speaker_is_absent() -> None:
    views = [heard(speaker("n1", report("Active"))), heard(speaker("n2", report("Backup")))]
    assert believed(*views) == {
        "n1": ("Active", "Healthy"),
        "n2": ("Backup", "Healthy"),
        "n3": ("Absent", "NoSpeaker"),
    }


def test_a_pod_that_is_gone_is_absent_whatever_its_last_report_says() -> None:
    node = one(heard(speaker("n1", report("Active")), running=False))
    assert (node.state, node.is_live) == ("Absent", False)


def test_a_speaker_is_silent_after_the_duration_of_its_lease() -> None:
    view = heard(speaker("n1", report("Backup")), at(0))
    assert one(view, now_s=40).state == "Backup"
    assert (one(view, now_s=40.1).state, one(view, now_s=40.1).health) == ("Unknown", "Silent")


def test_a_speaker_without_a_report_is_pending_and_so_is_one_that_reports_a_former_object_of_that_name() -> None:
    assert one(heard(speaker("n1"))).health == "Pending"
    assert one(heard(speaker("n1", report("Active", uid="another")))).state == "Unknown"


def test_speakers_of_another_placement_and_of_other_nodes_are_passed_over() -> None:
    other = speaker("n1", report("Active")).model_copy(update={"placement": "p-12345678"})
    assert one(heard(other)).state == "Absent"
    assert believed(heard(speaker("n9", report("Active")))).keys() == {"n1", "n2", "n3"}


def test_faults_and_ailments_are_told_together() -> None:
    node = one(heard(speaker("n1", report("Initialize", faults=["LinkDown"], ailments=["NginxGone"]))))
    assert (node.health, node.is_healthy) == ("LinkDown,NginxGone", False)


def test_a_document_that_the_engine_refuses_is_told_until_the_next_generation() -> None:
    refused = (RefusedDocument(document="web", generation=1, problems=("interface: eth9 does not exist",)),)
    assert one(heard(speaker("n1", report("Backup"), refused=refused))).health == "Refused"
    older = (refused[0].model_copy(update={"generation": 0}),)
    assert one(heard(speaker("n1", report("Backup"), refused=older))).health == "Healthy"


def test_a_crash_is_no_split_brain_the_cut_off_node_is_superseded() -> None:
    views = [
        heard(speaker("n1", report("Active", at(-600))), at(-4)),
        heard(speaker("n2", report("Active", at(0))), at(0.1)),
    ]
    assert believed(*views)["n1"] == ("Unknown", "Superseded")
    assert believed(*views)["n2"] == ("Active", "Healthy")


def test_a_handover_whose_reports_come_in_the_wrong_order_is_no_split_brain() -> None:
    views = [
        heard(speaker("n1", report("Active", at(-600))), at(2.9)),
        heard(speaker("n2", report("Active", at(0))), at(0.1)),
    ]
    assert believed(*views)["n1"] == ("Unknown", "Superseded")


def test_who_still_says_active_well_after_another_one_took_over_is_the_second_owner() -> None:
    views = [
        heard(speaker("n1", report("Active", at(-600))), at(3.0)),
        heard(speaker("n2", report("Active", at(0))), at(3.0)),
    ]
    assert [state for state, _ in believed(*views).values()] == ["Active", "Active", "Absent"]


def test_the_youngest_active_is_always_believed() -> None:
    views = [heard(speaker("n1", report("Active", at(0))), at(0))]
    assert believed(*views)["n1"] == ("Active", "Healthy")


def test_the_running_generation_is_that_of_engine_and_nginx_alike() -> None:
    with_nginx = document("n1", generation=2, nginx=NGINX)
    runs = report("Active", generation=2)

    def generation(nginx_generation: int | None) -> int | None:
        nginx = None if nginx_generation is None else serving(nginx_generation)
        return one(heard(speaker("n1", runs, nginx=nginx))).running_generation(with_nginx)

    assert (generation(2), generation(1), generation(None)) == (2, None, None)
    assert one(heard(speaker("n1", runs))).running_generation(document("n1")) == 2
    assert one(heard(speaker("n1"))).running_generation(document("n1")) is None


def test_a_damped_node_says_until_when_and_could_take_over() -> None:
    node = one(heard(speaker("n1", report("Backup", damped_until=at(30)))))
    assert (node.health, node.is_healthy) == ("Damped until 2026-01-02T12:00:30Z", True)
    ill = one(heard(speaker("n1", report("Backup", damped_until=at(30), ailments=["NginxGone"]))))
    assert ill.health == "NginxGone"
