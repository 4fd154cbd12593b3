"""The key that the engines of all hosts share: a file, checked at the door. Its content is never told."""

from __future__ import annotations

from vipkeeper.peering.keys import BadKeys, read_keys
from vipkeeper.standalone.objects import Place, Problem
from vipkeeper.standalone.options import Options


def key_file_problems(options: Options) -> list[Problem]:
    """Why the key file can't serve; none without one."""
    path = options.key_file
    if path is None:
        return []
    try:
        read_keys(path.read_bytes())
    except OSError as error:
        return [_problem(options, error.strerror or "can't be read")]
    except BadKeys as error:
        return [_problem(options, str(error))]
    return []


def _problem(options: Options, text: str) -> Problem:
    return Problem(Place(f"--key-file {options.key_file}"), text)
