"""Which form of each VirtualIP goes into nginx.conf: the wanted one, the last one that ran, or none. Pure.

nginx takes a configuration as a whole or not at all. So a section that it refuses gives way: first to the form of it
that ran before, then, when not even that is taken any more, it is left out. The others go on as they want. A refusal
stands until its document changes, or until `forget`: its cause may be outside of it (an address in use).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vipkeeper.ipc.rendered import RenderedVirtualIP
from vipkeeper.spec.speaker import NginxRefusal


@dataclass(frozen=True, slots=True)
class _Refused:
    document: RenderedVirtualIP
    field: str
    message: str
    left_out: bool


class NginxParts:
    def __init__(self, good: Iterable[RenderedVirtualIP] = ()) -> None:
        self.good = {document.name: document for document in good}
        """What ran last, by name."""
        self._refused: dict[str, _Refused] = {}

    def choose(self, wanted: Iterable[RenderedVirtualIP]) -> tuple[RenderedVirtualIP, ...]:
        by_name = {document.name: document for document in wanted}
        self._refused = {
            name: refused for name, refused in self._refused.items() if by_name.get(name) == refused.document
        }
        chosen = (self._form(document) for document in by_name.values())
        return tuple(document for document in chosen if document is not None)

    def refuse(self, document: RenderedVirtualIP, field: str, message: str) -> bool:
        """nginx says no to what was chosen for it. False: there is nothing left to give way to."""
        before = self._refused.get(document.name)
        if before is not None and before.document == document:
            self._refused[document.name] = _Refused(document, before.field, before.message, True)
            return not before.left_out
        unchanged = self.good.get(document.name) in (None, document)
        self._refused[document.name] = _Refused(document, field, message, unchanged)
        return True

    def hold_back(self, document: RenderedVirtualIP, field: str, message: str) -> None:
        """It can't be tried: what ran before goes on."""
        before = self._refused.get(document.name)
        if before is None or before.document != document:
            self._refused[document.name] = _Refused(document, field, message, document.name not in self.good)

    def ran(self, chosen: Iterable[RenderedVirtualIP]) -> bool:
        """nginx runs these now. True when that is news."""
        before, self.good = self.good, {document.name: document for document in chosen}
        return before != self.good

    def forget(self) -> None:
        """Try everything again."""
        self._refused.clear()

    def refusals(self) -> tuple[NginxRefusal, ...]:
        return tuple(
            NginxRefusal(document=name, generation=item.document.generation, field=item.field, message=item.message)
            for name, item in sorted(self._refused.items())
        )

    def _form(self, document: RenderedVirtualIP) -> RenderedVirtualIP | None:
        refused = self._refused.get(document.name)
        if refused is None:
            return document
        return None if refused.left_out else self.good.get(document.name)
