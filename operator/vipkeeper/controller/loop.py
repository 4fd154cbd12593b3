"""The one task that acts: it waits for news, makes a plan from all that is known, and carries it out.

The first news is answered at once; what comes in the next instants is answered together (`COALESCE_S`). The task never
ends by an error of the API: a change that is refused waits (`patience`) while the others go on, and an API server that
does not answer is asked each second until it does.

Watches are kopf's, and they are not trusted blindly: everything is listed anew at the start, when kopf has listed
anew, each `RESYNC_EVERY_S`, and each few seconds for a while after the API server was away, because a connection that
died silently is noticed late. Secrets of other namespaces are not watched but asked for (`foreign_secrets.py`).

Tested with a real API server: tests/e2e/test_controller_with_its_own_api_server.py.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from vipkeeper.controller.api import ApiRefused, ApiServer, ApiUnreachable
from vipkeeper.controller.apply import Applier
from vipkeeper.controller.changes import Change, Delete, Plan
from vipkeeper.controller.foreign_secrets import ForeignSecrets
from vipkeeper.controller.hearing import LOOK_EVERY_S, Hearing
from vipkeeper.controller.kinds import LEASE, SPEAKER, WATCHED, Kind
from vipkeeper.controller.objects import SpeakerSeen
from vipkeeper.controller.patience import Patience
from vipkeeper.controller.peer_keys import FreshKey
from vipkeeper.controller.reconcile import plan
from vipkeeper.controller.state import ClusterState
from vipkeeper.spec.names import ANCHOR_CONFIGMAP, PEER_KEYS_SECRET
from vipkeeper.spec.settings import OperatorSettings

log = logging.getLogger(__name__)

COALESCE_S = 0.1
STEPS_AT_ONCE = 3
"""A VRID is pinned in one step and used in the next; the last one finds nothing to do."""
RETRY_S = 1.0
RESYNC_EVERY_S = 300.0
RELISTED_S = 2.0
"""kopf lists kind after kind: our own list comes when it is through."""
DISTRUST_S = 75.0
DISTRUSTFUL_RESYNC_S = 5.0


class Reconciler:
    """Owner of the state. Everything but API calls happens in the event loop."""

    def __init__(
        self, api: ApiServer, settings: OperatorSettings, watch_evictions: Callable[[frozenset[str]], None]
    ) -> None:
        """`watch_evictions`: from now on call `evicted` for these nodes (`evictions.py`)."""
        self._api = api
        self._watch_evictions = watch_evictions
        self._settings = settings
        self._state = ClusterState()
        self._hearing = Hearing()
        self._foreign_secrets = ForeignSecrets(api, self._state, api.namespace, self.alive)
        self._applier = Applier(api)
        self._patience = Patience()
        self._wake = asyncio.Event()
        self._resync_at = 0.0
        self._look_at = 0.0
        self._plan_at: float | None = 0.0
        self._away_since: float | None = None
        self._refusal = ""
        self._distrust_until = 0.0
        self._warned_of_anchor = False
        self._waiting: Mapping[str, str] = {}
        self._fresh_key = FreshKey(os.urandom(32))
        self.synced = False
        """The whole cluster was seen and acted upon once."""
        self.turned_at = time.monotonic()
        """When the task was last seen at work."""

    def alive(self) -> None:
        self.turned_at = time.monotonic()

    # ---- news (called by the handlers, in the event loop)

    def observe(self, kind: Kind, value: Mapping[str, Any]) -> None:
        if self._state.observe(kind, value):
            if kind is SPEAKER:
                self._hear(value)
            self._wake.set()

    def forget(self, kind: Kind, value: Mapping[str, Any]) -> None:
        if self._state.forget(kind, value):
            self._wake.set()

    def evicted(self, node: str) -> None:
        if self._state.note_eviction(node):
            self._wake.set()

    def relisted(self) -> None:
        """A watch had to list anew: it may have missed deletions."""
        self._resync_at = min(self._resync_at, time.monotonic() + RELISTED_S)
        self._wake_soon()

    def _hear(self, value: Mapping[str, Any]) -> None:
        seen = self._state.speakers.get(value["metadata"]["name"])
        if isinstance(seen, SpeakerSeen):
            self._hearing.reported(seen.placement, seen.node, datetime.now(UTC))

    # ---- the task

    async def run(self) -> None:
        while True:
            self.alive()
            try:
                await self._turn()
                pause = COALESCE_S
            except ApiUnreachable as error:
                self._note_away(error)
                pause = RETRY_S
            except ApiRefused as error:
                self._note_refusal(error)
                pause = RETRY_S
            except Exception:
                log.exception("a plan failed; trying again")
                pause = RETRY_S
            await asyncio.sleep(pause)
            await self._rest()

    async def _rest(self) -> None:
        """Until something happens, or something is due."""
        plan_at = self._plan_at if self._plan_at is not None else float("inf")
        due = min(self._resync_at, self._look_at, plan_at, self._foreign_secrets.due_at)
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, due - time.monotonic()))
        except TimeoutError:
            pass

    def _wake_soon(self) -> None:
        """Make `_rest` look at its due times again."""
        self._wake.set()

    async def _turn(self) -> None:
        now = time.monotonic()
        if now >= self._resync_at:
            await self._resync()
        elif now >= self._look_at:
            await self._look()
        self._wake.clear()
        self._plan_at = None
        for _ in range(STEPS_AT_ONCE):
            if not await self._step():
                break
        else:
            self._plan_by(0.0)
        self.synced = True

    async def _step(self) -> bool:
        """Plan and act once. Returns whether something was done, so that there may be a next step."""
        await self._foreign_secrets.catch_up()
        if self._fresh_key.is_in(self._state.secrets.get(PEER_KEYS_SECRET)):
            self._fresh_key = FreshKey(os.urandom(32))
        namespace = self._api.namespace
        made = plan(self._state, self._hearing, self._settings, namespace, datetime.now(UTC), self._fresh_key)
        if made.look_again_at is not None:
            self._plan_by(time.monotonic() + (made.look_again_at - datetime.now(UTC)).total_seconds())
        self._watch_evictions(made.watch_evictions)
        self._tell_waiting(made.waiting)
        self._warn_of_anchor()
        return await self._carry_out(made)

    def _plan_by(self, moment: float) -> None:
        self._plan_at = moment if self._plan_at is None else min(self._plan_at, moment)

    async def _carry_out(self, made: Plan) -> bool:
        acted = False
        for change in made.changes:
            moment = self._patience.wait_until(change, time.monotonic())
            if moment is not None:
                self._plan_by(moment)
                continue
            self.alive()
            await self._attempt(change)
            acted = True
        return acted

    async def _attempt(self, change: Change) -> None:
        try:
            answer = await asyncio.to_thread(self._applier.carry_out, change)
        except ApiUnreachable:
            self._plan_by(0.0)
            raise
        except ApiRefused as error:
            log.error("refused by the API server: %s: %s", change.story, error)
            return
        finally:
            self._patience.attempted(change, time.monotonic())
        if answer is not None:
            self._state.observe(*answer)
        elif isinstance(change, Delete) and change.kind is LEASE:
            self._state.bury(LEASE, change.uid)  # no watch will tell

    # ---- lists

    async def _resync(self) -> None:
        for kind in WATCHED:
            values, version = await asyncio.to_thread(self._api.list, kind)
            self._state.replace(kind, values, version)
        await self._look()
        self._resync_at = time.monotonic() + (
            DISTRUSTFUL_RESYNC_S if time.monotonic() < self._distrust_until else RESYNC_EVERY_S
        )

    async def _look(self) -> None:
        values, version = await asyncio.to_thread(self._api.list, LEASE)
        self._note_back()
        self._state.replace(LEASE, values, version)
        self._hearing.look(self._state.leases.values(), datetime.now(UTC))
        self._look_at = time.monotonic() + LOOK_EVERY_S

    # ---- troubles, each told once

    def _note_away(self, error: ApiUnreachable) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            log.warning("the API server does not answer; trying each second: %s", error)
        self._resync_at = 0.0

    def _note_refusal(self, error: ApiRefused) -> None:
        """Right after its start an API server refuses everybody for a moment."""
        if str(error) != self._refusal:
            log.warning("the API server refuses to list what is needed; trying each second: %s", error)
        self._refusal = str(error)

    def _note_back(self) -> None:
        self._refusal = ""
        if self._away_since is not None:
            log.warning("the API server answers again after %.0f s", time.monotonic() - self._away_since)
            self._away_since = None
            self._distrust_until = time.monotonic() + DISTRUST_S

    def _tell_waiting(self, waiting: Mapping[str, str]) -> None:
        for placement, why in waiting.items():
            if self._waiting.get(placement) != why:
                log.info("the roll-out of placement %s waits: %s", placement, why)
        self._waiting = waiting

    def _warn_of_anchor(self) -> None:
        missing = self._state.anchor is None
        if missing and not self._warned_of_anchor:
            log.warning(
                "ConfigMap %s is not in namespace %s: no DaemonSet is made. The chart brings it: helm upgrade",
                ANCHOR_CONFIGMAP,
                self._api.namespace,
            )
        self._warned_of_anchor = missing
