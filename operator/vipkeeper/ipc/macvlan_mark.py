"""Whose macvlan that is: the text in its alias (IFLA_IFALIAS, `ip link`), which `prepare` writes and the engine reads.

The kernel keeps it as long as the macvlan lives, which is as long as it is needed: after `kill -9` of everything the
next speaker finds there what is its own, and how the interface below was set before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_WORD = "vipkeeper"
MAX_BYTES = 255
"""IFALIASZ of the kernel, without the zero at the end."""


@dataclass(frozen=True, slots=True)
class MacvlanMark:
    placement: str
    """Whose speaker made it, or has taken it on last."""
    uid: str
    """Of the VirtualIP: the engine of another placement may go on with the same one."""
    before: dict[str, str] = field(default_factory=dict)
    """Settings of the interface below, as they were before we changed them: by the knob's last name."""

    def to_alias(self) -> str:
        settings = [f"{knob}={value}" for knob, value in sorted(self.before.items())]
        return " ".join([_WORD, self.placement, self.uid, *settings])

    @staticmethod
    def from_alias(alias: str) -> MacvlanMark | None:
        """None: it is not ours."""
        word, *rest = alias.split(" ")
        if word != _WORD or len(rest) < 2 or not all(rest):
            return None
        pairs = [setting.partition("=") for setting in rest[2:]]
        if not all(equals for _knob, equals, _value in pairs):
            return None
        return MacvlanMark(rest[0], rest[1], {knob: value for knob, _equals, value in pairs})
