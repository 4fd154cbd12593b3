"""Carries changes out, one API call each (a status also brings its Events). Nothing is decided here.

Blocking; called in a thread. The answers go back into the state, so that the next plan knows what we did before the
watch tells it.

Tested with a real API server: tests/e2e/test_controller_with_its_own_api_server.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from vipkeeper.controller.api import ApiRefused, ApiServer, Object
from vipkeeper.controller.changes import Apply, Change, Delete, MarkUnused, WriteStatus
from vipkeeper.controller.events import EVENT_NAMESPACE, EventBook, Post, Repeat
from vipkeeper.controller.kinds import DAEMONSET, EVENT, VIRTUALIP, Kind
from vipkeeper.controller.objects import UNUSED_SINCE_ANNOTATION
from vipkeeper.spec.model import to_rfc3339
from vipkeeper.spec.names import API_VERSION, VIRTUALIP_KIND
from vipkeeper.spec.status import Event

log = logging.getLogger(__name__)

Answer = tuple[Kind, Object]


class Applier:
    """Hands of the controller."""

    def __init__(self, api: ApiServer, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._api = api
        self._now = now
        self._book = EventBook()

    def carry_out(self, change: Change) -> Answer | None:
        """Raises ApiUnreachable or ApiRefused. An object that went away meanwhile is no error: its news will come."""
        try:
            answer = self._call(change)
        except ApiRefused as refusal:
            if refusal.status == 404 and not isinstance(change, Apply):
                return None
            raise
        quiet = isinstance(change, WriteStatus) and not change.why
        log.log(logging.DEBUG if quiet else logging.INFO, "%s", change.story)
        if isinstance(change, WriteStatus):
            self._tell(change)
        return answer

    def _call(self, change: Change) -> Answer | None:
        match change:
            case Apply():
                return change.kind, self._api.apply(change.kind, dict(change.body))
            case Delete():
                self._api.delete(change.kind, change.name, change.uid)
                return None
            case WriteStatus():
                return VIRTUALIP, self._api.apply(VIRTUALIP, status_body(change), "status")
            case MarkUnused():
                return DAEMONSET, self._api.merge(DAEMONSET, change.name, mark_body(change))

    def _tell(self, change: WriteStatus) -> None:
        """An Event that can't be written is lost, not retried: it would tell of the past."""
        for event in change.events:
            try:
                self._write(change.name, change.uid, event)
            except ApiRefused as refusal:
                log.warning("Event %s on VirtualIP %s not written: %s", event.reason, change.name, refusal)

    def _write(self, name: str, uid: str, event: Event) -> None:
        match self._book.record(name, uid, event, self._now()):
            case Post(body):
                self._api.create(EVENT, body, EVENT_NAMESPACE)
            case Repeat(event_name, body):
                self._api.merge(EVENT, event_name, body, EVENT_NAMESPACE)


def status_body(change: WriteStatus) -> dict[str, Any]:
    """The UID makes the API server refuse (409) when another object has taken the name."""
    metadata = {"name": change.name, "uid": change.uid}
    return {"apiVersion": API_VERSION, "kind": VIRTUALIP_KIND, "metadata": metadata, "status": dict(change.status)}


def mark_body(change: MarkUnused) -> dict[str, Any]:
    since = to_rfc3339(change.since) if change.since else None
    return {"metadata": {"uid": change.uid, "annotations": {UNUSED_SINCE_ANNOTATION: since}}}
