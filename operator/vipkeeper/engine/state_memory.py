"""What the next engine must know when this one is killed: which routers were Active, and when they last said so.

An anonymous shared mapping that the guard makes before it forks. The engine writes eight bytes for each advert; the
engine after it reads them. There is no file: after a restart of the guard nothing of this is true any more.

    slot:  uid, 40 bytes | last advert as Active, nanoseconds of the monotonic clock (0: not Active)
"""

from __future__ import annotations

import mmap
import struct

_UID_BYTES = 40
_SLOT = struct.Struct(f"={_UID_BYTES}sQ")
_TIME = struct.Struct("=Q")


class StateMemory:
    def __init__(self, slots: int = 2048) -> None:
        self._map = mmap.mmap(-1, slots * _SLOT.size)
        self._slots = slots
        self._offsets: dict[str, int] = {}
        self._free: list[int] = [number * _SLOT.size for number in reversed(range(slots))]

    def reread(self) -> None:
        """In a new engine: find the slots that the engine before has filled."""
        self._offsets = {}
        self._free = []
        for number in reversed(range(self._slots)):
            offset = number * _SLOT.size
            uid = bytes(_SLOT.unpack_from(self._map, offset)[0]).rstrip(b"\0").decode(errors="replace")
            if uid:
                self._offsets[uid] = offset
            else:
                self._free.append(offset)

    def last_advert_ns(self, uid: str) -> int | None:
        """When the router last sent an advert as Active. None: it was not Active."""
        offset = self._offsets.get(_key(uid))
        return None if offset is None else _SLOT.unpack_from(self._map, offset)[1] or None

    def remember(self, uid: str, last_advert_ns: int | None) -> None:
        """Without a free slot nothing is remembered: the next engine starts that router as Backup."""
        offset = self._offsets.get(_key(uid))
        if offset is None:
            if last_advert_ns is None or not self._free:
                return
            offset = self._offsets[_key(uid)] = self._free.pop()
            self._map[offset : offset + _UID_BYTES] = _key(uid).encode().ljust(_UID_BYTES, b"\0")
        _TIME.pack_into(self._map, offset + _UID_BYTES, last_advert_ns or 0)

    def forget(self, uid: str) -> None:
        offset = self._offsets.pop(_key(uid), None)
        if offset is not None:
            self._map[offset : offset + _SLOT.size] = bytes(_SLOT.size)
            self._free.append(offset)


def _key(uid: str) -> str:
    return uid.encode()[:_UID_BYTES].decode(errors="ignore")
