"""One line to stderr for each thing worth knowing. The logging package would cost most of a mebibyte.

Law: a log line never blocks. Whoever reads our stderr may be slow or gone; a line that does not fit is lost, and the
next line that fits says how many were.
"""

from __future__ import annotations

import os

_STDERR = 2
_lost = 0
_warnings_only = False


def log(text: str, **fields: object) -> None:
    """Write `text key=value ...`. Fields that are None are left out."""
    if not _warnings_only:
        _write(text, fields)


def warn(text: str, **fields: object) -> None:
    """The same, for what is not as it should be: also where VIPKEEPER_LOG_LEVEL is Warning."""
    _write(text, fields)


def set_level(name: str) -> None:
    """VIPKEEPER_LOG_LEVEL. Debug is Info here: there is nothing that is too much to say."""
    global _warnings_only
    _warnings_only = name.lower() == "warning"


def _write(text: str, fields: dict[str, object]) -> None:
    global _lost
    parts = [text] if text else []
    parts += [f"{key}={_quoted(value)}" for key, value in fields.items() if value is not None]
    line = " ".join(parts)
    if _lost:
        line = f"lost_log_lines={_lost} {line}"
    try:
        os.write(_STDERR, line.encode(errors="replace") + b"\n")
    except OSError:
        _lost += 1
    else:
        _lost = 0


def make_unblocking() -> None:
    """From now on a full pipe loses lines instead of stopping the process."""
    try:
        os.set_blocking(_STDERR, False)
    except OSError:
        pass


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text or not text else text
