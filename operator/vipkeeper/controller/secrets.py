"""The placements' Secrets and the Role that lets agents read them. Pure.

A placement's Secret holds what its documents refer to and nothing else. Where a user's Secret has vanished, or what it
holds can't be used, the value before stays: the last good one goes on, and the status tells (`spec/secrets.py`).
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable, Mapping

from vipkeeper.controller.changes import Apply, Delete
from vipkeeper.controller.content import contains
from vipkeeper.controller.kinds import ROLE, SECRET
from vipkeeper.controller.objects import RoleSeen, SecretSeen
from vipkeeper.ipc.secret_kinds import SecretKind, problem_of
from vipkeeper.render.daemonset import Anchor
from vipkeeper.render.placement_secret import render_placement_secret, render_secrets_role
from vipkeeper.spec.names import placement_secret_name
from vipkeeper.spec.secrets import ForeignSecret, Place, Secrets, split_reference


def keep_role(placements: Iterable[str], seen: RoleSeen | None, namespace: str, anchor: Anchor) -> Apply | None:
    body = render_secrets_role(placements, namespace, anchor)
    wanted = {key: body["metadata"][key] for key in ("labels", "ownerReferences")}
    if seen is not None and contains(seen.content, wanted) and seen.content["rules"] == body["rules"]:
        return None
    return Apply(ROLE, body, "placements changed" if seen else "first placement")


def keep_secret(
    placement: str,
    needs: Mapping[str, SecretKind],
    seen: Mapping[str, SecretSeen],
    foreign: Mapping[Place, ForeignSecret],
    namespace: str,
    anchor: Anchor,
) -> Apply | Delete | None:
    """The change after which the Secret of `placement` has what it `needs`, by reference; None: it has."""
    ours = seen.get(placement_secret_name(placement))
    own = {name: item.data for name, item in seen.items() if not item.placement}
    secrets = Secrets(namespace, own, foreign)
    values = {reference: _value(reference, kind, secrets, ours) for reference, kind in needs.items()}
    data = {reference: value for reference, value in values.items() if value is not None}
    if not data:
        return None if ours is None else Delete(SECRET, ours.name, ours.uid, "nothing refers to a secret any more")
    body = render_placement_secret(placement, data, namespace, anchor)
    wanted = {key: body["metadata"][key] for key in ("labels", "ownerReferences")}
    if ours is not None and contains(ours.content, wanted) and ours.data == data:
        return None
    return Apply(SECRET, body, "secrets changed" if ours else "first secret of its placement")


def _value(reference: str, kind: SecretKind, secrets: Secrets, ours: SecretSeen | None) -> str | None:
    place, key = split_reference(reference)
    value = (secrets.find(place) or {}).get(key)
    if value is None or problem_of(kind, a2b_base64(value)):
        return None if ours is None else ours.data.get(reference)
    return value
