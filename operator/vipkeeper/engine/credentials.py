"""From what a document refers to, and the secrets that are known, to what signs and verifies its adverts. Pure.

A secret that is missing, or that can't be a key, is told by its reference, never by its content. A router with such a
one does not take part (`Fault.SECRET_MISSING`): it never runs unauthenticated instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vipkeeper.ipc.authentication import HmacAuthentication, PasswordAuthentication
from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.ipc.secret_kinds import SecretKind, problem_of, value_of
from vipkeeper.vrrp.authentication import SimpleText
from vipkeeper.vrrp.trailer import Authenticator, HmacMode, KeyRing
from vipkeeper.vrrp.units import ms_to_ns


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of one virtual router."""

    password: SimpleText | None = None
    hmac: HmacAuthentication | None = None
    keys: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    """By key id, for `hmac`."""
    problems: tuple[str, ...] = ()
    """Not empty: the router must not run."""

    def authenticator(self, before: Authenticator | None = None) -> Authenticator | None:
        """`before`: what signed and verified until now. It goes on, with its memory of what was sent and heard."""
        if self.hmac is None or self.problems:
            return None
        keys = KeyRing(self.keys, self.hmac.active_key)
        mode, window_ns = HmacMode(self.hmac.mode), ms_to_ns(self.hmac.replay_window_ms)
        if before is None:
            return Authenticator(keys, mode, window_ns)
        before.keys, before.mode, before.window_ns = keys, mode, window_ns
        return before


def credentials_of(document: RenderedVirtualIP, secrets: Mapping[str, bytes]) -> Credentials:
    match document.authentication:
        case None:
            return Credentials()
        case PasswordAuthentication(reference):
            return _password(reference, secrets)
        case HmacAuthentication() as hmac:
            return _hmac(hmac, secrets)


def with_news(
    kept: Mapping[str, bytes], news: Mapping[str, bytes], documents: Iterable[RenderedVirtualIP]
) -> dict[str, bytes]:
    """All secrets from now on. What `documents` need and `news` lacks, or has in an unusable form, stays as it was:
    what runs goes on with the last good ones."""
    needed = {reference: kind for document in documents for reference, kind in document.engine_secrets.items()}
    last_good = {
        reference: kept[reference]
        for reference, kind in needed.items()
        if reference in kept and (reference not in news or problem_of(kind, news[reference]))
    }
    return dict(news) | last_good


def _password(reference: str, secrets: Mapping[str, bytes]) -> Credentials:
    value, problem = _look_up(reference, SecretKind.PASSWORD, secrets)
    return Credentials(problems=(problem,)) if problem else Credentials(password=SimpleText(value))


def _hmac(hmac: HmacAuthentication, secrets: Mapping[str, bytes]) -> Credentials:
    found = {key.key_id: _look_up(key.secret, SecretKind.HMAC_KEY, secrets) for key in hmac.keys}
    problems = tuple(problem for _value, problem in found.values() if problem)
    return Credentials(
        hmac=hmac, keys={key_id: value for key_id, (value, _problem) in found.items()}, problems=problems
    )


def _look_up(reference: str, kind: SecretKind, secrets: Mapping[str, bytes]) -> tuple[bytes, str]:
    """The value, and what is wrong with it."""
    content = secrets.get(reference)
    if content is None:
        return b"", f"secret {reference} is missing"
    problem = problem_of(kind, content)
    return value_of(content), f"secret {reference} {problem}" if problem else ""
