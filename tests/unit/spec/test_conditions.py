"""operator/vipkeeper/spec/conditions.py"""

from __future__ import annotations

from tests.unit.spec.objects import NOON, at, document, heard, report, serving, speaker
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.rendered_nginx import HTTPServer, NginxSection, UpstreamServer
from vipkeeper.spec.belief import SpeakerView, node_views
from vipkeeper.spec.conditions import ConditionType, Finding, Situation, findings, with_dates
from vipkeeper.spec.parse import Refusal, RefusalReason
from vipkeeper.spec.speaker import NetworkFinding, NginxRefusal, NginxReport, RefusedDocument
from vipkeeper.spec.virtualip import VirtualIPStatus

NGINX = NginxSection((HTTPServer(80, servers=(UpstreamServer("192.0.2.81", 80),)),))


def found(
    *views: SpeakerView,
    wanted: RenderedVirtualIP | None = None,
    generation: int = 1,
    refusal: Refusal | None = None,
    active: str | None = "n1",
    handing_over: bool = False,
) -> dict[str, Finding]:
    wanted = wanted or document("n1", "n2")
    nodes = node_views(wanted, views, at(5))
    holder = next((node for node in nodes if node.name == active), None)
    situation = Situation(generation, refusal, wanted, nodes, holder, handing_over)
    return {type_.value: finding for type_, finding in findings(situation).items()}


ACTIVE, BACKUP = heard(speaker("n1", report("Active"))), heard(speaker("n2", report("Backup")))


def test_all_is_well() -> None:
    assert {type_: finding.status for type_, finding in found(ACTIVE, BACKUP).items()} == {
        "Accepted": True,
        "Programmed": True,
        "Ready": True,
    }
    assert found(ACTIVE, BACKUP)["Ready"].message == "n1 holds 192.0.2.10, 2001:db8::10"


def test_a_refused_generation_is_told_with_its_reason_while_the_last_good_one_runs() -> None:
    refusal = Refusal(
        ("spec.addresses[0]: 192.0.2.10 belongs to VirtualIP api, which is older",), RefusalReason.CONFLICT
    )
    conditions = found(ACTIVE, BACKUP, refusal=refusal, generation=2)
    assert conditions["Accepted"] == Finding(False, "Conflict", refusal.message)
    assert conditions["Programmed"] == Finding(False, "NotAccepted", "the nodes keep generation 1")
    assert conditions["Ready"].reason == "NotProgrammed"


def test_programmed_names_the_nodes_that_are_behind() -> None:
    behind = heard(speaker("n2", report("Backup", generation=0)))
    assert found(ACTIVE, behind)["Programmed"] == Finding(False, "Pending", "generation 1 does not run yet on n2")
    assert found(ACTIVE, heard(speaker("n2")))["Programmed"].reason == "Pending"


def test_a_node_without_a_running_speaker_keeps_nobody_waiting() -> None:
    assert found(ACTIVE)["Programmed"].status is True
    gone = heard(speaker("n2", report("Backup", generation=0)), running=False)
    assert found(ACTIVE, gone)["Programmed"].status is True


def test_programmed_without_speakers_or_nodes_is_false() -> None:
    assert found(active=None)["Programmed"].reason == "NoSpeaker"
    assert found(wanted=document(), active=None)["Programmed"].reason == "NoNodes"


def test_a_node_that_refuses_the_document_is_told_with_its_problems() -> None:
    refused = (RefusedDocument(document="web", generation=1, problems=("interface: eth9 does not exist",)),)
    conditions = found(ACTIVE, heard(speaker("n2", report("Backup", generation=0), refused=refused)))
    assert conditions["Programmed"] == Finding(False, "RefusedByNode", "n2: interface: eth9 does not exist")


def test_two_owners_are_a_split_brain_and_not_ready() -> None:
    views = [heard(speaker(node, report("Active", at(-9))), at(4)) for node in ("n1", "n2")]
    conditions = found(*views)
    assert conditions["SplitBrain"].status is True
    assert conditions["SplitBrain"].message.startswith("n1, n2 are all Active")
    assert conditions["Ready"].reason == "SplitBrain"


def test_nobody_active_is_not_ready() -> None:
    backups = [heard(speaker(node, report("Backup"))) for node in ("n1", "n2")]
    assert found(*backups, active=None)["Ready"] == Finding(False, "NoActive", "no node holds the addresses")


def test_nobody_active_is_told_with_what_is_wrong_with_each_node_that_is_heard() -> None:
    ill = heard(speaker("n1", report("Backup", ailments=("NginxGone", "TCPCheckFailed"))))
    faulty = heard(speaker("n2", report("Initialize", faults=("LinkDown",))))
    gone = heard(speaker("n3", report("Backup", ailments=("NginxGone",))), running=False)
    wanted = document("n1", "n2", "n3")
    ready = found(ill, faulty, gone, wanted=wanted, active=None)["Ready"]
    assert ready.reason == "NoActive"
    assert ready.message == "no node holds the addresses: n1 NginxGone,TCPCheckFailed; n2 LinkDown"


def test_nobody_active_while_one_node_is_well_names_no_culprit() -> None:
    ill = heard(speaker("n1", report("Backup", ailments=("NginxGone",))))
    assert found(ill, BACKUP, active=None)["Ready"].message == "no node holds the addresses"
    assert found(active=None)["Ready"].message == "no node holds the addresses"


def test_during_a_handover_and_while_the_holder_is_silent_nobody_knows() -> None:
    handing = found(heard(speaker("n1", report("Backup"))), BACKUP, handing_over=True)
    assert (handing["Ready"].status, handing["Ready"].reason) == (None, "HandingOver")
    assert "Degraded" not in handing
    silent = found(heard(speaker("n1", report("Active")), at(-60)), BACKUP)
    assert (silent["Ready"].status, silent["Ready"].reason) == (None, "ActiveSilent")


def test_degraded_when_no_healthy_node_could_take_over() -> None:
    ill = heard(speaker("n2", report("Backup", ailments=["NginxGone"])))
    for views in ([ACTIVE], [ACTIVE, ill]):
        assert found(*views)["Degraded"] == Finding(True, "NoHealthyBackup", "no healthy node could take over from n1")
    assert "Degraded" not in found(ACTIVE, BACKUP)


def test_nginx_ready_applies_with_an_nginx_section_only_and_names_who_fails() -> None:
    wanted = document("n1", "n2", nginx=NGINX)
    good = heard(speaker("n1", report("Active"), nginx=serving()))
    broken = heard(speaker("n2", report("Backup"), nginx=NginxReport(ok=False, message="bind() failed")))
    ill = heard(speaker("n2", report("Backup", ailments=["NginxGone"]), nginx=serving()))
    assert "NginxReady" not in found(good)
    assert found(good, wanted=wanted)["NginxReady"].status is True
    assert found(good, broken, wanted=wanted)["NginxReady"] == Finding(False, "NginxFailed", "n2: bind() failed")
    assert found(good, ill, wanted=wanted)["NginxReady"].message == "n2: NginxGone"
    assert found(heard(speaker("n1", report("Active"))), wanted=wanted)["NginxReady"].message == "n1: no nginx yet"
    checked = heard(speaker("n2", report("Backup", ailments=["TCPCheckFailed"]), nginx=serving()))
    assert found(good, checked, wanted=wanted)["NginxReady"].status is True
    assert found(wanted=wanted, active=None)["NginxReady"].status is None


def test_a_section_that_nginx_refuses_is_told_with_its_field_and_is_not_the_trouble_of_others() -> None:
    refusal = NginxRefusal(document="web", generation=1, field="spec.nginx.http[0].snippet", message='unknown "x"')
    refusing = serving().model_copy(update={"ok": False, "refused": (refusal,)})
    wanted = document("n1", "n2", nginx=NGINX)
    nodes = [
        heard(speaker("n1", report("Active"), nginx=serving())),
        heard(speaker("n2", report("Backup"), nginx=refusing)),
    ]
    told = 'n2: spec.nginx.http[0].snippet: unknown "x"'
    assert found(*nodes, wanted=wanted)["NginxReady"] == Finding(False, "NginxFailed", told)
    assert found(*nodes, wanted=wanted)["Programmed"] == Finding(False, "RefusedByNginx", told)
    others = refusing.model_copy(update={"refused": (refusal.model_copy(update={"document": "other"}),)})
    nodes[1] = heard(speaker("n2", report("Backup"), nginx=others))
    assert found(*nodes, wanted=wanted)["NginxReady"].status is True


def test_the_date_moves_when_the_status_does_and_only_then() -> None:
    first = with_dates({ConditionType.READY: Finding(True, "Active", "n1")}, VirtualIPStatus(), 1, NOON)
    status = VirtualIPStatus(conditions=first)
    (same,) = with_dates({ConditionType.READY: Finding(True, "Active", "n2")}, status, 2, at(60))
    assert (same.last_transition_time, same.message, same.observed_generation) == (NOON, "n2", 2)
    (other,) = with_dates({ConditionType.READY: Finding(None, "ActiveSilent", "n2")}, status, 2, at(60))
    assert (other.last_transition_time, other.status) == (at(60), "Unknown")


def finding_of(kind: str, source: str, detail: str = "it is so") -> NetworkFinding:
    return NetworkFinding(kind=kind, source=source, detail=detail, since=at(2))


def test_advertisements_that_do_not_arrive_are_told_with_both_nodes_and_since_when() -> None:
    deaf = heard(speaker("n2", report("Backup", findings=(finding_of("MulticastBlocked", "n1"),))))
    condition = found(ACTIVE, deaf)["MulticastBlocked"]
    assert (condition.status, condition.reason) == (True, "AdvertisementsBlocked")
    assert condition.message.startswith("n2 does not hear n1 since 2026-01-02T12:00:02Z: ")
    assert found(ACTIVE, deaf)["Ready"].status is True


def test_somebody_who_answers_for_an_address_is_told() -> None:
    report_ = report("Initialize", findings=(finding_of("AddressConflict", "02:00:00:00:00:01", "the MAC has it"),))
    condition = found(heard(speaker("n1", report_)), BACKUP, active=None)["AddressConflict"]
    assert condition == Finding(True, "SomebodyAnswers", "n1: the MAC has it")


def test_a_vrid_that_somebody_else_uses_is_told_once_with_all_who_hear_it() -> None:
    said = finding_of("VRIDConflict", "192.0.2.77", "VRID 51 is used by 192.0.2.77: version 3")
    nodes = [
        heard(speaker(name, report(state, findings=(said,)))) for name, state in (("n1", "Active"), ("n2", "Backup"))
    ]
    condition = found(*nodes)["VRIDConflict"]
    assert (condition.status, condition.reason) == (True, "VRIDInUse")
    assert condition.message.startswith("VRID 51 is used by 192.0.2.77: version 3 (heard by n1, n2): ")
    assert found(*nodes)["Ready"].status is True


def test_findings_of_the_silent_and_of_newer_engines_make_no_condition() -> None:
    findings_ = (finding_of("MulticastBlocked", "n1"),)
    silent = heard(speaker("n2", report("Backup", findings=findings_)), at(-100))
    assert "MulticastBlocked" not in found(ACTIVE, silent)
    newer = heard(speaker("n2", report("Backup", findings=(finding_of("SomethingElse", "n1"),))))
    assert found(ACTIVE, newer).keys() == found(ACTIVE, BACKUP).keys()


def test_a_damped_node_is_told_with_the_time_and_is_a_backup_all_the_same() -> None:
    conditions = found(ACTIVE, heard(speaker("n2", report("Backup", damped_until=at(30)))))
    assert conditions["HealthFlaps"].status is True
    assert conditions["HealthFlaps"].message.endswith("n2 until 2026-01-02T12:00:30Z")
    assert "Degraded" not in conditions
    assert "HealthFlaps" not in found(ACTIVE, BACKUP)
