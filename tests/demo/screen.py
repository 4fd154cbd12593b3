"""How the demo speaks: a clock at the left, one line for each thing that happened, the user's own commands in bold.

The same text without a terminal, only without colours: what is piped into a file can be read there.
"""

from __future__ import annotations

import time

from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

INDENT = " " * 8


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._begin = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._begin

    def title(self, title: str, lines: list[str]) -> None:
        self._console.print(Panel("\n".join(lines), title=title, title_align="left", expand=False, padding=(1, 2)))

    def act(self, text: str) -> None:
        """Something begins."""
        self._console.print()
        self._line("▶", text, "bold cyan")

    def done(self, text: str) -> None:
        self._line("✓", text, "green")

    def trouble(self, text: str) -> None:
        self._line("✗", text, "bold red")

    def note(self, text: str) -> None:
        self._indented(Text(text, style="dim"))

    def command(self, text: str) -> None:
        """What the user would type."""
        self._indented(Text(f"$ {text}", style="bold"))

    def output(self, text: str) -> None:
        self._indented(Text(text.rstrip()))

    def yaml(self, text: str) -> None:
        self._indented(Syntax("", "yaml", theme="ansi_dark").highlight(text.rstrip()))

    def figure(self, text: str) -> None:
        """What all this was for."""
        self._line("★", text, "bold yellow")

    def _line(self, sign: str, text: str, style: str) -> None:
        minutes, seconds = divmod(int(self.elapsed_s), 60)
        line = Text(f"{minutes:2d}:{seconds:02d} ", style="dim")
        line.append(f"{sign} ", style=style)
        line.append(text, style=style if sign in "▶✗★" else "")
        self._console.print(line, soft_wrap=True)

    def _indented(self, text: Text) -> None:
        """Lines are never broken or cut: kubectl's tables can be copied."""
        for line in text.split():
            self._console.print(Text(INDENT) + line, soft_wrap=True)
