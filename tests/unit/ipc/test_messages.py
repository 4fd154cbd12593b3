"""operator/vipkeeper/ipc/messages.py"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.unit.ipc.test_rendered import FULL, JSON, problems_of
from vipkeeper.ipc.fields import BadDocument
from vipkeeper.ipc.messages import (
    AgentMessage,
    Apply,
    EngineMessage,
    Gone,
    Health,
    HealthSource,
    Refused,
    Rejected,
    Remarked,
    Remove,
    RemoveReason,
    RouterStatus,
    Secrets,
    SegmentHeard,
    Segments,
    Synced,
    Welcome,
    decode_agent_message,
    decode_engine_message,
    encode,
    to_json,
)

STATUS = RouterStatus(
    name="web",
    uid="4ad01105",
    generation=3,
    vrid=51,
    state="Active",
    since_ms=12,
    priority=100,
    reason="NoResponse",
    takeover_ms=312.5,
    interface="eth0",
    segment="192.0.2.0/24",
    faults=(),
    ailments=("NginxGone",),
    active_address="192.0.2.2",
    primary_address="192.0.2.2",
    rejected=(Rejected("WrongChecksum", "192.0.2.66", 7),),
    remarks=(Remarked("OtherInterval", "192.0.2.9"),),
)


@pytest.mark.parametrize(
    "message",
    [
        Apply(FULL),
        Remove("web", RemoveReason.MOVED),
        Secrets({"web_key-1": bytes(range(256)), "x": b""}),
        Secrets({}),
        Synced(("api", "web")),
        Synced(()),
        Health(HealthSource.CHECK, False, "HTTP 500"),
        Health(HealthSource.TCP_CHECK, True, name="web"),
    ],
)
def test_an_agent_message_survives_the_socket(message: AgentMessage) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_agent_message(line) == message


@pytest.mark.parametrize(
    "message",
    [
        Welcome("0.1.0", "worker1", "default"),
        STATUS,
        replace(STATUS, takeover_ms=None, rejected=()),
        Segments((SegmentHeard("eth0", "192.0.2.0/24", (7, 255)), SegmentHeard("eth1", "2001:db8::/64", ()))),
        Gone("web"),
        Refused("web", 3, ("interface: eth9 does not exist",)),
    ],
)
def test_an_engine_message_survives_the_socket(message: EngineMessage) -> None:
    assert decode_engine_message(encode(message)) == message


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"junk\n", "is not JSON"),
        (b"[]\n", "document: is list, not an object"),
        (b'{"type": "applaud"}\n', "type: 'applaud' is not known"),
        (b'{"type": "remove", "name": "web", "reason": "Bored"}\n', "reason: 'Bored' is not known"),
        (b'{"type": "health", "source": "Stars", "healthy": true}\n', "source: 'Stars' is not known"),
        (b'{"type": "health", "source": "NginxGone", "healthy": 1}\n', "healthy: is int, not true or false"),
        (b'{"type": "synced", "names": "web"}\n', "names: is not a list of texts"),
        (b'{"type": "apply"}\n', "document: is NoneType, not an object"),
        (b"\xff\xfe\n", "is not JSON"),
    ],
)
def test_what_does_not_fit_from_an_agent_is_refused(line: bytes, problem: str) -> None:
    with pytest.raises(BadDocument, match=r".*") as caught:
        decode_agent_message(line)
    assert problem in str(caught.value)


def test_what_does_not_fit_from_an_engine_is_refused_member_by_member() -> None:
    broken: dict[str, Any] = to_json(STATUS) | {
        "vrid": 256,
        "sinceMs": -1,
        "faults": None,
        "rejected": [{"count": "x"}],
    }
    with pytest.raises(BadDocument) as caught:
        decode_engine_message(json.dumps(broken).encode())
    assert "vrid: 256 is not in 1..255" in caught.value.problems
    assert "sinceMs: -1 is not in 0..9223372036854775807" in caught.value.problems
    assert "rejected[0].cause: is missing" in caught.value.problems


@given(JSON, some.sampled_from(["apply", "remove", "synced", "health", "welcome", "status", "gone", "refused"]))
def test_arbitrary_lines_are_a_message_or_a_bad_document(value: object, kind: str) -> None:
    members = value if isinstance(value, dict) else {"document": value}
    line = json.dumps({**members, "type": kind}).encode()
    assert problems_of(lambda: decode_agent_message(line)) != []
    assert problems_of(lambda: decode_engine_message(line)) != []


def test_a_secret_is_in_no_text_about_it() -> None:
    message = Secrets({"web_key-1": b"geheim", "x": b"geheim"})
    assert "geheim" not in repr(message)
    with pytest.raises(BadDocument) as refusal:
        decode_agent_message(b'{"type":"secrets","values":{"web_key-1":"Z2VoZWlt!","x":7}}')
    assert refusal.value.problems == ["values.web_key-1: is not base64", "values.x: is int, not a text"]
