"""A cache key is a hash of everything that the result is made from, the recipe included."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def content_key(*parts: str | bytes | Path) -> str:
    """Twelve hex digits over texts and files; a folder counts with the names and contents of all its files."""
    digest = hashlib.sha256()
    for part in parts:
        for name, content in _expand(part):
            digest.update(f"{name}:{len(content)}:".encode() + content)
    return digest.hexdigest()[:12]


def _expand(part: str | bytes | Path) -> Iterable[tuple[str, bytes]]:
    match part:
        case str():
            yield "text", part.encode()
        case bytes():
            yield "bytes", part
        case Path() if part.is_dir():
            for file in sorted(part.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    yield file.relative_to(part).as_posix(), file.read_bytes()
        case Path():
            yield part.name, part.read_bytes()
