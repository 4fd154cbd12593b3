"""How often an nginx that has died is started again (S10): twice, then it is given up. Pure.

Who keeps dying is not helped by a tenth start, and an address that comes back each time would flap. One that has stayed
for a while has shown that it can: what befalls it then is a new story.
"""

from __future__ import annotations

WAITS_S = (0.0, 1.0)
"""Before each of the further starts."""
STAYED_S = 60.0


class RestartPolicy:
    def __init__(self) -> None:
        self._deaths = 0

    def died(self, lived_s: float) -> float | None:
        """Seconds to wait before the next start; None: no more of them."""
        if lived_s >= STAYED_S:
            self._deaths = 0
        self._deaths += 1
        return WAITS_S[self._deaths - 1] if not self.given_up else None

    @property
    def given_up(self) -> bool:
        return self._deaths > len(WAITS_S)

    def forget(self) -> None:
        """A person wants it to be tried again."""
        self._deaths = 0
