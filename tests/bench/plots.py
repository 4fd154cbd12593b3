"""One figure of a section as SVG: a row for each case and program, a dot for each repetition, a line for the goal.

SVG is written by hand: some circles and words need no library, and the text stays text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tests.bench.figures import Figure

_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 22, 330, 460, 30, 40
_FONT = 'font-family="sans-serif" font-size="12"'
_COLOURS = {"vipkeeper": "#0b6e4f", "keepalived": "#c1440e"}
_LOGARITHMIC_FROM = 30
"""Largest by smallest value from which small ones would lie on one spot."""


def draw(figures: Sequence[Figure]) -> str:
    """All of them of one quantity."""
    shown = [figure for figure in figures if figure.values]
    values = [value for figure in shown for value in figure.values]
    goals = {figure.goal.most for figure in shown if figure.goal is not None}
    scale = _Scale([*values, *goals])
    height = _TOP + _ROW * len(shown) + 40
    unit = f" ({shown[0].unit})" if shown[0].unit else ""
    title = shown[0].quantity + unit + (", logarithmic" if scale.logarithmic else "")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + _RIGHT}" height="{height}" {_FONT}>',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(10, 20, title, weight="bold"),
    ]
    for row, figure in enumerate(shown):
        y = _TOP + _ROW * row + _ROW // 2
        colour = _COLOURS.get(figure.program.partition(",")[0], "#555555")
        parts.append(_text(10, y + 4, f"{figure.case}, {figure.program}"))
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_LEFT + _WIDTH}" y2="{y}" stroke="#dddddd"/>')
        dots = (
            f'<circle cx="{scale.x(v):.1f}" cy="{y}" r="4" fill="{colour}" fill-opacity="0.5"/>' for v in figure.values
        )
        parts += dots
    bottom = _TOP + _ROW * len(shown)
    for goal in sorted(goals):
        x = scale.x(goal)
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="black" stroke-dasharray="4"/>')
    for value in (scale.least, scale.most):
        parts.append(_text(scale.x(value), bottom + 16, f"{value:.4g}", anchor="middle"))
    if goals:
        parts.append(
            _text(_LEFT, bottom + 32, "dashed: the goal, at most " + ", ".join(f"{goal:g}" for goal in sorted(goals)))
        )
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    def __init__(self, values: Sequence[float]) -> None:
        self.least, self.most = min(values), max(values)
        self.logarithmic = self.least > 0 and self.most / self.least >= _LOGARITHMIC_FROM

    def x(self, value: float) -> float:
        if self.most == self.least:
            return _LEFT + _WIDTH / 2
        if self.logarithmic:
            return _LEFT + _WIDTH * math.log(value / self.least) / math.log(self.most / self.least)
        return _LEFT + _WIDTH * (value - self.least) / (self.most - self.least)


def _text(x: float, y: float, text: str, *, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y}" font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'
