"""Where a VirtualIP refers to a secret, and what is wrong with what it refers to. Pure.

VirtualIPs are cluster-scoped, and whoever may write one must not read other people's Secrets by it. So the operator may
read those of its own namespace, and of another one only what somebody there lets it get, by a RoleBinding.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vipkeeper.ipc.secret_kinds import SecretKind, problem_of
from vipkeeper.spec.names import CONTROLLER_SERVICE_ACCOUNT

FILE_NEEDS_RUN = "is for `vipkeeper run`, which reads files; in a cluster write a secretRef"


class Place(NamedTuple):
    """Where a Secret is."""

    namespace: str
    """"" for the operator's, where a spec names none."""
    name: str


def secret_in_references(name: str, namespace: str = "") -> str:
    """NAME, or _NAMESPACE_NAME. Neither a namespace nor a Secret's name has an underscore, so that both are unique."""
    return f"_{namespace}_{name}" if namespace else name


def reference_of(name: str, key: str, namespace: str = "") -> str:
    """Key in the placement's Secret."""
    return f"{secret_in_references(name, namespace)}_{key}"


def split_reference(reference: str) -> tuple[Place, str]:
    """Place and key."""
    namespace, rest = "", reference
    if reference.startswith("_"):
        namespace, _, rest = reference[1:].partition("_")
    name, _, key = rest.partition("_")
    return Place(namespace, name), key


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One place in a spec that refers to a secret."""

    path: str
    """Of the field, e.g. spec.vrrp.authentication.pass."""
    reference: str
    kind: SecretKind
    file: str | None = None
    """A file's path, where it is one."""


@dataclass(frozen=True, slots=True)
class ForeignSecret:
    """What the API server said when it was asked for a Secret of another namespace."""

    status: int
    """As in HTTP."""
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Base64, by key."""
    message: str = ""
    """Of a refusal that is neither 403 nor 404."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """All that are known."""

    namespace: str
    """The operator's."""
    own: Mapping[str, Mapping[str, str]] = field(repr=False)
    """Of that namespace: base64 by name and key."""
    foreign: Mapping[Place, ForeignSecret] = field(default_factory=dict, repr=False)

    def find(self, place: Place) -> Mapping[str, str] | None:
        if place.namespace in ("", self.namespace):
            return self.own.get(place.name)
        seen = self.foreign.get(place)
        return seen.data if seen is not None and seen.status == 200 else None

    def why_missing(self, place: Place, key: str) -> str:
        namespace, name = place.namespace or self.namespace, place.name
        seen = ForeignSecret(404) if namespace == self.namespace else self.foreign.get(place)
        if seen is None:
            return f"Secret {namespace}/{name} is not read: too many Secrets of other namespaces are referred to"
        if seen.status == 403:
            return f"the operator may not read Secret {name} in namespace {namespace}: {self.grant_of(place)}"
        if seen.status == 404:
            return f"there is no Secret {name} in namespace {namespace} (key {key} is needed)"
        return f"Secret {name} in namespace {namespace} can't be read: {seen.message}"

    def grant_of(self, place: Place) -> str:
        """What to do so that the operator may read it."""
        role, there = f"vipkeeper-{place.name}", f"-n {place.namespace}"
        return (
            f"let it get this one: kubectl create role {role} {there} --verb=get --resource=secrets "
            f"--resource-name={place.name} && kubectl create rolebinding {role} {there} --role={role} "
            f"--serviceaccount={self.namespace}:{CONTROLLER_SERVICE_ACCOUNT}"
        )


def secret_problems(uses: Iterable[SecretUse], secrets: Secrets) -> tuple[str, ...]:
    """Every reference that leads nowhere, as `path: reason`, each once."""
    return tuple(dict.fromkeys(problem for use in uses if (problem := _problem(use, secrets))))


def _problem(use: SecretUse, secrets: Secrets) -> str:
    if use.file is not None:
        return f"{use.path}.file: {FILE_NEEDS_RUN}"
    path = f"{use.path}.secretRef"
    place, key = split_reference(use.reference)
    data, shown = secrets.find(place), f"Secret {place.namespace or secrets.namespace}/{place.name}"
    if data is None:
        return f"{path}: {secrets.why_missing(place, key)}"
    if key not in data:
        return f"{path}: {shown} has no key {key}"
    problem = problem_of(use.kind, a2b_base64(data[key]))
    return f"{path}: key {key} of {shown} {problem}" if problem else ""
