"""Bars as inline SVG, drawn so that they can be read on a phone as on a wide screen, and in black and white.

What colours a series is a class (`s0`, `s1`, ...) that the page's stylesheet knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup, escape

__all__ = ["columns"]

#: The plot's own units: about the pixels of a phone.
_WIDTH, _HEIGHT = 320, 180
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 4, 8, 22
_MOST_LABELS = 8
#: Steps that people count in, in tenths.
_STEPS = (10, 15, 20, 25, 30, 40, 50, 75)


def columns(title: str, names: Sequence[str], series: Mapping[str, Sequence[int]]) -> Markup:
    """A column for each name, in it the series on top of each other; `title` is read out where the plot is not seen.

    Series without anything in them are left out of the drawing, and keep their colour.
    """
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    top = _ceiling(max(totals, default=0))
    room = (_WIDTH - _LEFT - _RIGHT) / max(len(names), 1)
    parts = [*_grid(top), *_labels(names, room)]
    for place, name in enumerate(names):
        parts.extend(_column(place, name, {kind: values[place] for kind, values in series.items()}, top, room))
    drawing = Markup("\n").join(parts)
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">\n{}\n</svg>').format(
        _WIDTH, _HEIGHT, title, drawing
    )


def _ceiling(most: int) -> int:
    """The line above the highest column: four steps of a round number."""
    scale = 1
    while True:
        for step in _STEPS:
            if step * scale % 10 == 0 and step * scale * 4 >= most * 10:
                return step * scale * 4 // 10
        scale *= 10


def _height(count: float, top: int) -> float:
    return (_HEIGHT - _TOP - _BOTTOM) * count / top


def _grid(top: int) -> Iterator[Markup]:
    for quarter in range(5):
        value = top * quarter // 4
        y = _HEIGHT - _BOTTOM - _height(value, top)
        yield Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
            _LEFT, _WIDTH - _RIGHT, y, y
        )
        yield Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
            _LEFT - 4, y + 3, f"{value:,}"
        )


def _labels(names: Sequence[str], room: float) -> Iterator[Markup]:
    every = -(-len(names) // _MOST_LABELS)
    for place in range(0, len(names), every or 1):
        yield Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            _LEFT + room * (place + 0.5), _HEIGHT - 7, names[place]
        )


def _column(place: int, name: str, counts: Mapping[str, int], top: int, room: float) -> Iterator[Markup]:
    below = 0
    said = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
    for number, count in enumerate(counts.values()):
        if count:
            tall = _height(count, top)
            y = _HEIGHT - _BOTTOM - _height(below, top) - tall
            yield Markup(
                '<rect class="s{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}</title></rect>'
            ).format(number, _LEFT + room * (place + 0.12), y, room * 0.76, max(tall, 0.5), name, escape(said))
        below += count
