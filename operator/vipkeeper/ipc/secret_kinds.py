"""What a secret is for, and whether its bytes can serve for that. Problems tell lengths, never contents."""

from __future__ import annotations

from enum import StrEnum

MIN_KEY_BYTES, MAX_KEY_BYTES = 32, 64
"""Of an HMAC key, as keepalived 2.4 has it."""
MAX_PASSWORD_BYTES = 8
"""Of version 2 (RFC 3768 §5.3.10); keepalived cuts longer ones off without a word."""


class SecretKind(StrEnum):
    HMAC_KEY = "HMACKey"
    PASSWORD = "Password"
    CERTIFICATE = "Certificate"
    """With those that it is signed by, PEM."""
    PRIVATE_KEY = "PrivateKey"
    """PEM, without a pass phrase."""
    CERTIFICATE_WITH_KEY = "CertificateWithKey"
    """Both in one, as `vipkeeper run` reads them from a file."""
    OPAQUE = "Opaque"
    """Taken as it is."""


def value_of(content: bytes) -> bytes:
    """The key or password in a Secret or a file: all of its bytes, but for the line end that editors and `echo` put
    behind a text. Random bytes that happen to end in one are no text, and stay whole."""
    text = content.removesuffix(b"\n").removesuffix(b"\r")
    return text if all(0x20 <= byte < 0x7F for byte in text) else content


def problem_of(kind: SecretKind, content: bytes) -> str:
    """Why `content` can't be one of that kind; "": it can."""
    value = value_of(content)
    match kind:
        case SecretKind.HMAC_KEY:
            if not MIN_KEY_BYTES <= len(value) <= MAX_KEY_BYTES:
                return f"has {len(value)} bytes; a key has {MIN_KEY_BYTES} to {MAX_KEY_BYTES}"
        case SecretKind.PASSWORD:
            if not 1 <= len(value) <= MAX_PASSWORD_BYTES:
                return f"has {len(value)} bytes; a password of version 2 has 1 to {MAX_PASSWORD_BYTES}"
            if not all(0x21 <= byte < 0x7F for byte in value):
                return "has bytes that are not printable ASCII, or a space"
        case SecretKind.CERTIFICATE:
            if b"-----BEGIN CERTIFICATE-----" not in value:
                return "has no certificate in PEM form"
        case SecretKind.PRIVATE_KEY:
            if b"PRIVATE KEY-----" not in value or b"ENCRYPTED" in value:
                return "has no private key in PEM form without a pass phrase"
        case SecretKind.CERTIFICATE_WITH_KEY:
            return problem_of(SecretKind.CERTIFICATE, content) or problem_of(SecretKind.PRIVATE_KEY, content)
        case SecretKind.OPAQUE:
            pass
    return ""
