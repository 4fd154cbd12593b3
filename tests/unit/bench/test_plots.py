"""Plots: well-formed, every repetition in them, on the page beside their table."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.bench.figures import Figure, Goal
from tests.bench.plots import draw

SVG = "{http://www.w3.org/2000/svg}"


def circles(figures: list[Figure]) -> list[float]:
    return [float(item.attrib["cx"]) for item in ET.fromstring(draw(figures)).iter(f"{SVG}circle")]


def test_each_repetition_is_a_dot_and_a_larger_value_lies_further_right() -> None:
    figures = [
        Figure("100 ms", "vipkeeper", "gap", "ms", (1.0, 2.0), Goal(3.0)),
        Figure("100 ms <fast>", "keepalived", "gap", "ms", (4.0,)),
        Figure("nothing", "keepalived", "gap", "ms", ()),
    ]
    first, second, third = circles(figures)
    assert first < second < third
    assert "at most 3" in draw(figures)


def test_what_differs_by_orders_of_magnitude_is_drawn_logarithmically() -> None:
    one, ten, hundred = circles([Figure("case", "vipkeeper", "gap", "ms", (1.0, 10.0, 100.0))])
    assert abs((ten - one) - (hundred - ten)) < 0.2


def test_equal_values_and_zeros_can_be_drawn() -> None:
    assert len(circles([Figure("case", "vipkeeper", "moves", "times", (0.0, 0.0))])) == 2
    assert len(circles([Figure("case", "vipkeeper", "moves", "times", (0.0, 500.0))])) == 2
