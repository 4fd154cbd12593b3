"""Where a VirtualIP refers to a secret, and what is wrong with what it refers to. Pure.

The Secret must be in the operator's namespace: VirtualIPs are cluster-scoped, and whoever may write one must not read
other people's Secrets by it.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vipkeeper.ipc.secret_kinds import SecretKind, problem_of

FILE_NEEDS_RUN = "is for `vipkeeper run`, which reads files; in a cluster write a secretRef"


def reference_of(name: str, key: str) -> str:
    """Key in the placement's Secret. No Secret's name has an underscore."""
    return f"{name}_{key}"


def split_reference(reference: str) -> tuple[str, str]:
    name, _, key = reference.partition("_")
    return name, key


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One place in a spec that refers to a secret."""

    path: str
    """Of the field, e.g. spec.vrrp.authentication.pass."""
    reference: str
    kind: SecretKind
    file: str | None = None
    """A file's path, where it is one."""


def secret_problems(
    uses: Iterable[SecretUse], secrets: Mapping[str, Mapping[str, str]], namespace: str
) -> tuple[str, ...]:
    """Every reference that leads nowhere, as `path: reason`. `secrets`: base64 by name and key."""
    return tuple(problem for use in uses if (problem := _problem(use, secrets, namespace)))


def _problem(use: SecretUse, secrets: Mapping[str, Mapping[str, str]], namespace: str) -> str:
    if use.file is not None:
        return f"{use.path}.file: {FILE_NEEDS_RUN}"
    path = f"{use.path}.secretRef"
    name, key = split_reference(use.reference)
    if name not in secrets:
        return f"{path}: there is no Secret {name} in namespace {namespace} (key {key} is needed)"
    if key not in secrets[name]:
        return f"{path}: Secret {namespace}/{name} has no key {key}"
    problem = problem_of(use.kind, a2b_base64(secrets[name][key]))
    return f"{path}: key {key} of Secret {namespace}/{name} {problem}" if problem else ""
