"""The secrets in the state folder: one file beside the documents, for root alone, so that an engine or a pod that
restarts without an API server has the keys of the documents that it runs.

Nothing here logs a value, nor a line of a broken file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from vipkeeper.engine.durable import remove_durably, write_durably
from vipkeeper.engine.log import warn
from vipkeeper.ipc.fields import Fields
from vipkeeper.ipc.messages import secrets_from_json, secrets_to_json

FILE = "secrets"
"""Without the documents' suffix, so that it is never taken for one."""
_MODE = 0o600


def read_secrets(folder: Path) -> dict[str, bytes]:
    """By reference. Empty when there are none, or none that can be read."""
    path = folder / FILE
    try:
        fields = Fields(json.loads(path.read_bytes()))
        values = secrets_from_json(fields)
        fields.finish()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        warn("the secrets in the state folder can't be read; waiting for them", file=path, error=type(error).__name__)
        return {}
    return values


def write_secrets(folder: Path, values: Mapping[str, bytes]) -> bool:
    """Durably; without values the file goes. False when it could not be done; the reason is logged."""
    path = folder / FILE
    try:
        if values:
            write_durably(path, json.dumps(secrets_to_json(values)).encode(), _MODE)
        elif path.exists():
            remove_durably(path)
    except OSError as error:
        warn("secrets can't be kept in the state folder", folder=folder, error=error.strerror)
        return False
    return True
