"""Figures as bars in an SVG. The length of a bar is the ratio of the value to the goal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tests.bench.report import number
from tests.bench.results import Figure

_ROW = 26
_LEFT = 270  # where bars begin
_WIDTH = 380  # of the widest bar
_RIGHT = 250  # for the text after them
_COLOURS = {True: "#2a7f4f", False: "#c0392b", None: "#7f8c8d"}


def plot(figures: Sequence[Figure]) -> str:
    """Return the SVG. Its scale is logarithmic, the goal is in the middle, right of it is better.

    A figure without a goal has a dot in the middle. A thin line spans the rounds.
    """
    height = _ROW * (len(figures) + 2)
    width = _LEFT + _WIDTH + _RIGHT
    middle = _LEFT + _WIDTH / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{middle}" y="17" text-anchor="middle" fill="#333">goal</text>',
        f'<line x1="{middle}" x2="{middle}" y1="22" y2="{height - _ROW}" stroke="#333"/>',
        f'<text x="{_LEFT}" y="{height - 8}" fill="#777">10 times worse</text>',
        f'<text x="{_LEFT + _WIDTH}" y="{height - 8}" text-anchor="end" fill="#777">'
        "10 times better</text>",
    ]
    for row, figure in enumerate(figures):
        parts += _bar(figure, _ROW * (row + 1) + _ROW / 2)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(figure: Figure, y: float) -> list[str]:
    colour = _COLOURS[figure.met]
    middle = _LEFT + _WIDTH / 2
    at, low, high = (_x(figure, value) for value in (figure.value, figure.low, figure.high))
    goal = "" if figure.goal is None else f" (goal {number(figure.goal)})"
    text = f"{number(figure.value)} {figure.unit}{goal}"
    return [
        f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(figure.name)}</text>',
        f'<rect x="{min(at, middle):.1f}" y="{y - 7}" width="{abs(at - middle):.1f}" height="14" '
        f'fill="{colour}"/>',
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke="#000"/>',
        f'<circle cx="{at:.1f}" cy="{y}" r="3" fill="{colour}"/>',
        f'<text x="{_LEFT + _WIDTH + 10}" y="{y + 4}">{escape(text)}</text>',
    ]


def _x(figure: Figure, value: float) -> float:
    """Return the position of a value: the goal is in the middle, 1/10 and 10 of it at the ends."""
    middle = _LEFT + _WIDTH / 2
    if figure.goal is None:
        return middle
    if value <= 0 or figure.goal <= 0:
        decades = 1.0 if value <= figure.goal else -1.0
    else:
        decades = math.log10(figure.goal / value)
    if figure.better == "higher":
        decades = -decades
    return middle + max(-1.0, min(1.0, decades)) * _WIDTH / 2
