import asyncio
from collections.abc import Mapping
from typing import Any

import kopf

from vipkeeper.controller.handlers import event_handler, register
from vipkeeper.controller.kinds import NODE, WATCHED, Kind

OBJECT = {"metadata": {"name": "w1"}}


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def observe(self, kind: Kind, value: Mapping[str, Any]) -> None:
        self.heard.append(f"observe {kind.kind} {value['metadata']['name']}")

    def forget(self, kind: Kind, value: Mapping[str, Any]) -> None:
        self.heard.append(f"forget {kind.kind} {value['metadata']['name']}")

    def relisted(self) -> None:
        self.heard.append("relisted")


def tell(type_: str | None) -> list[str]:
    listener = Listener()
    asyncio.run(event_handler(NODE, listener)(event={"type": type_, "object": OBJECT}, name="w1", logger=None))
    return listener.heard


def test_additions_and_changes_are_observed() -> None:
    assert tell("ADDED") == tell("MODIFIED") == ["observe Node w1"]


def test_a_deletion_is_forgotten() -> None:
    assert tell("DELETED") == ["forget Node w1"]


def test_an_object_of_a_new_list_tells_that_deletions_may_have_been_missed() -> None:
    assert tell(None) == ["relisted", "observe Node w1"]


def test_every_watched_kind_has_a_handler_of_the_kind_that_needs_no_finalizer() -> None:
    registry = kopf.OperatorRegistry()
    register(registry, Listener())
    watching = registry._watching.get_all_handlers()
    assert sorted(str(handler.id) for handler in watching) == sorted(kind.plural for kind in WATCHED)
    assert not registry._changing.get_all_handlers()
    assert not registry._spawning.get_all_handlers()
