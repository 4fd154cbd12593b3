"""operator/vipkeeper/spec/speaker.py"""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from tests.unit.ipc.test_messages import STATUS
from tests.unit.spec.objects import at
from vipkeeper.ipc.messages import Refused
from vipkeeper.spec.speaker import (
    VRRPSpeakerStatus,
    parse_speaker,
    refusal_from_engine,
    report_from_router,
    speaker_object,
)


def test_an_age_becomes_a_date() -> None:
    report = report_from_router(replace(STATUS, since_ms=1500), received_at=at(10))
    assert report.since == at(8.5)


def test_empty_texts_become_absent_members() -> None:
    status = replace(STATUS, interface="", segment="", active_address="", primary_address="", takeover_ms=None)
    written = report_from_router(status, at(0)).to_json()
    assert {"interface", "segment", "activeAddress", "primaryAddress", "takeoverMs"}.isdisjoint(written)


def test_a_report_survives_the_way_through_the_api() -> None:
    report = report_from_router(STATUS, at(0))
    status = VRRPSpeakerStatus(
        engine_version="0.1.0",
        virtual_routers=(report,),
        refused=(refusal_from_engine(Refused("api", 2, ("interface: eth9 does not exist",))),),
    )
    value = speaker_object("worker1", "default", "vipkeeper") | {"status": status.to_json()}
    read = parse_speaker(value)
    assert (read.node_name, read.placement, read.status) == ("worker1", "default", status)
    assert read.report_of("web") == report
    assert read.report_of("api") is None
    refusal = read.refusal_of("api")
    assert refusal is not None
    assert refusal.problems == ("interface: eth9 does not exist",)


def test_a_speaker_that_never_reported_is_an_empty_one() -> None:
    read = parse_speaker(speaker_object("worker1", "default", "vipkeeper"))
    assert read.status == VRRPSpeakerStatus()


def test_a_speaker_without_a_node_is_no_speaker() -> None:
    with pytest.raises(ValidationError, match="nodeName"):
        parse_speaker({"spec": {"placement": "default"}})


def test_the_object_is_named_and_labelled_by_placement_and_node() -> None:
    metadata = speaker_object("worker1", "default", "vipkeeper")["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("default.worker1", "vipkeeper")
    assert metadata["labels"]["vipkeeper.dev/placement"] == "default"
