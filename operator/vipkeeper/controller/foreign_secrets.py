"""Secrets of other namespaces that VirtualIPs refer to: which they are, and when the API server is asked for them.

They are asked for one by one, by name, and never listed or watched: so a user lets the operator `get` that one Secret and
nothing else. One that is new is asked for before the next plan, and each again after `ASK_EVERY_S`, a few in a turn. What
nobody refers to is not kept. Only the event loop touches this; the requests run in a thread.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

from vipkeeper.controller.api import ApiRefused
from vipkeeper.controller.kinds import SECRET, Kind
from vipkeeper.controller.state import ClusterState
from vipkeeper.spec.parse import ParsedVirtualIP
from vipkeeper.spec.scalars import DNS_LABEL_PATTERN, DNS_SUBDOMAIN_PATTERN
from vipkeeper.spec.secrets import ForeignSecret, Place, split_reference

ASK_EVERY_S = 10.0
AGAIN_IN_A_TURN = 32
MAX_SECRETS = 256
"""More are not read, and the VirtualIPs that refer to them are refused, the youngest first."""


_TELLING = (200, 403, 404)
"""Another status tells of the API server: what was known before still counts."""


class Api(Protocol):
    """What is needed of the API server (`api.ApiServer`)."""

    def get(self, kind: Kind, name: str, namespace: str = "") -> dict[str, Any] | None: ...


class Wanted(NamedTuple):
    place: Place
    keys: frozenset[str]


def wanted_secrets(state: ClusterState, namespace: str) -> list[Wanted]:
    """Of what runs, and of what is to run. `namespace`: the operator's, which is watched."""
    keys: dict[Place, set[str]] = {}
    for place, key in map(split_reference, _references(state)):
        if _is_foreign(place, namespace):
            keys.setdefault(place, set()).add(key)
    return [Wanted(place, frozenset(keys[place])) for place in islice(keys, MAX_SECRETS)]


def _references(state: ClusterState) -> Iterator[str]:
    for configmap in state.configmaps.values():
        yield from configmap.document.secrets if configmap.document is not None else ()
    for virtualip in state.virtualips:
        if isinstance(virtualip.parsed, ParsedVirtualIP) and not virtualip.deleting:
            yield from (use.reference for use in virtualip.parsed.secret_uses if use.file is None)


def _is_foreign(place: Place, namespace: str) -> bool:
    """A document that was changed by hand may say anything, and this becomes part of a URL."""
    if place.namespace in ("", namespace):
        return False
    parts = ((DNS_LABEL_PATTERN, place.namespace), (DNS_SUBDOMAIN_PATTERN, place.name))
    return all(re.fullmatch(pattern, text) for pattern, text in parts)


class ForeignSecrets:
    """Keeps `state.foreign_secrets` up to date."""

    def __init__(
        self,
        api: Api,
        state: ClusterState,
        namespace: str,
        alive: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`alive` is called before each request."""
        self._api, self._state, self._namespace = api, state, namespace
        self._alive, self._clock = alive, clock
        self._asked_at: dict[Wanted, float] = {}

    @property
    def due_at(self) -> float:
        """Of the next request, by the clock."""
        return min(self._asked_at.values(), default=float("inf")) + ASK_EVERY_S

    async def catch_up(self) -> None:
        """When this returns, everything that is wanted was asked for at least once. Raises ApiUnreachable."""
        self._forget_unwanted()
        for secret in self._due():
            await self._ask(secret)
        while new := [secret for secret in self._wanted() if secret not in self._asked_at]:
            for secret in new:
                await self._ask(secret)

    def _wanted(self) -> list[Wanted]:
        return wanted_secrets(self._state, self._namespace)

    def _forget_unwanted(self) -> None:
        wanted = set(self._wanted())
        self._asked_at = {secret: at for secret, at in self._asked_at.items() if secret in wanted}
        self._state.keep_foreign({secret.place for secret in wanted})

    def _due(self) -> list[Wanted]:
        """Those that were asked for longest ago."""
        latest = self._clock() - ASK_EVERY_S
        due = [secret for secret, at in self._asked_at.items() if at <= latest]
        return sorted(due, key=self._asked_at.__getitem__)[:AGAIN_IN_A_TURN]

    async def _ask(self, secret: Wanted) -> None:
        self._alive()
        answer = await asyncio.to_thread(self._get, secret)
        self._asked_at[secret] = self._clock()
        if answer.status in _TELLING or secret.place not in self._state.foreign_secrets:
            self._state.note_foreign(secret.place, answer)

    def _get(self, secret: Wanted) -> ForeignSecret:
        try:
            found = self._api.get(SECRET, secret.place.name, secret.place.namespace)
        except ApiRefused as refusal:
            return ForeignSecret(refusal.status, message=str(refusal))
        if found is None:
            return ForeignSecret(404)
        data = found.get("data") or {}
        return ForeignSecret(200, {key: data[key] for key in secret.keys & data.keys()})
