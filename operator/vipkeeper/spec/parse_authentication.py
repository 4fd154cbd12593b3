"""`spec.vrrp.authentication`: what the rendered document says of it, and where it refers to secrets. Pure."""

from __future__ import annotations

from posixpath import join

from vipkeeper.ipc.authentication import Authentication, HmacAuthentication, HmacKeyReference, PasswordAuthentication
from vipkeeper.ipc.secret_kinds import SecretKind
from vipkeeper.spec import rules, virtualip
from vipkeeper.spec.secrets import SecretUse, reference_of
from vipkeeper.vrrp.sequence import replay_window_ns

_PATH = "spec.vrrp.authentication"
Parsed = tuple[Authentication | None, tuple[SecretUse, ...]]


def parse_authentication(value: virtualip.Authentication | None, interval_cs: int, folder: str = "") -> Parsed:
    """`value` has kept all rules. `folder`: of the document, to which its files are relative."""
    if value is None:
        return None, ()
    if value.pass_ is not None:
        use = _use(f"{_PATH}.pass", value.pass_, SecretKind.PASSWORD, folder)
        return PasswordAuthentication(use.reference), (use,)
    assert value.hmac is not None  # check_spec has refused it
    return _hmac(value.hmac, interval_cs, folder)


def _hmac(hmac: virtualip.HMAC, interval_cs: int, folder: str) -> Parsed:
    uses = tuple(
        _use(f"{_PATH}.hmac.keys[{index}]", key, SecretKind.HMAC_KEY, folder) for index, key in enumerate(hmac.keys)
    )
    keys = tuple(HmacKeyReference(key.id, use.reference) for key, use in zip(hmac.keys, uses, strict=True))
    active_key = hmac.keys[0].id if hmac.active_key is None else hmac.active_key
    return HmacAuthentication(keys, active_key, hmac.mode, _window_ms(hmac.replay_window, interval_cs)), uses


def _window_ms(text: str | None, interval_cs: int) -> int:
    if text is None:
        return replay_window_ns(interval_cs) // 1_000_000
    window_us = rules.parse_duration_us(text)
    assert window_us is not None, text  # check_spec has refused it
    return window_us // 1000


def _use(path: str, source: virtualip.SecretSource, kind: SecretKind, folder: str) -> SecretUse:
    if source.file is not None:
        file = join(folder, source.file)
        return SecretUse(path, file, kind, file)
    assert source.secret_ref is not None  # check_spec has refused it
    secret = source.secret_ref
    return SecretUse(path, reference_of(secret.name, secret.key, secret.namespace or ""), kind)
