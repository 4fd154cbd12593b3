"""Who was given which address of the nodes' segment, over all processes of all test runs on this cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_address
from pathlib import Path

from tests.cluster.locking import exclusive
from tests.cluster.network import Address, first_free


class Leases:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "addresses.json"
        self._lock = folder / "addresses.lock"

    def take(
        self, candidates: Callable[[], Iterator[Address]], taken: Collection[Address], count: int, owner: str
    ) -> list[Address]:
        with exclusive(self._lock):
            known = self._read()
            found = first_free(candidates(), {*taken, *known}, count)
            self._write(known | dict.fromkeys(found, owner))
            return found

    def give_back(self, addresses: Collection[Address]) -> None:
        with exclusive(self._lock):
            self._write({address: owner for address, owner in self._read().items() if address not in addresses})

    def of(self, owner: str) -> list[Address]:
        return [address for address, held_by in self._read().items() if held_by == owner]

    def _read(self) -> dict[Address, str]:
        if not self._file.exists():
            return {}
        return {ip_address(text): owner for text, owner in json.loads(self._file.read_text()).items()}

    def _write(self, leases: dict[Address, str]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({str(address): owner for address, owner in leases.items()}, indent=2))
        fresh.replace(self._file)
