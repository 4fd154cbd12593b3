"""By which interfaces the default routes go, as /proc/net tells: where a VirtualIP goes that fits no subnet. Read now and
then, so a text is good enough.

Tests: tests/unit/engine/test_default_routes.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vipkeeper.vrrp.packet import Family

_UP, _REJECT = 0x0001, 0x0200
_NOWHERE_IPV4, _NOWHERE_IPV6 = "00000000", "0" * 32


def default_interfaces(folder: Path = Path("/proc/net")) -> frozenset[tuple[str, Family]]:
    """Name of the interface, and the family. Empty where nothing can be read."""
    return frozenset((*_ipv4(_lines(folder / "route")), *_ipv6(_lines(folder / "ipv6_route"))))


def _ipv4(lines: list[str]) -> Iterator[tuple[str, Family]]:
    for line in lines[1:]:
        fields = line.split()
        if len(fields) >= 8 and fields[1] == fields[7] == _NOWHERE_IPV4 and _is_up(fields[3]):
            yield fields[0], Family.IPV4


def _ipv6(lines: list[str]) -> Iterator[tuple[str, Family]]:
    for line in lines:
        fields = line.split()
        if len(fields) >= 10 and fields[:2] == [_NOWHERE_IPV6, "00"] and _is_up(fields[8]) and fields[9] != "lo":
            yield fields[9], Family.IPV6


def _is_up(flags: str) -> bool:
    return int(flags, 16) & (_UP | _REJECT) == _UP


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
