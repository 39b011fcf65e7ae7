"""Plots as SVG, made of rectangles and text: the same numbers give the same bytes, and nothing is loaded with the page.

Colours are Okabe and Ito's, which people with any colour vision tell apart; text takes the page's colour. Every bar has
its number as a tooltip, and the table beside a plot has them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
WIDTH = 720
_LABELS = 190
_ROW = 22
_PLOT = 240
_AXIS = 44

Bars = Sequence[tuple[str, tuple[int, ...]]]


def horizontal(bars: Bars, title: str) -> Markup:
    """Draw one bar below the other, for names."""
    most = max((sum(values) for _, values in bars), default=0) or 1
    height = _ROW * len(bars) + 8
    parts = [_open(height, title)]
    for index, (label, values) in enumerate(bars):
        y, value = index * _ROW + 4, sum(values)
        width = round((WIDTH - _LABELS - 50) * value / most, 1)
        parts += [
            Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_LABELS - 8, y + 14, _short(label)),
            Markup('<rect x="{}" y="{}" width="{}" height="16" fill="{}"><title>{}: {:,}</title></rect>').format(
                _LABELS, y, width, COLOURS[0], label, value
            ),
            Markup('<text x="{}" y="{}">{:,}</text>').format(_LABELS + width + 6, y + 14, value),
        ]
    return Markup("\n").join([*parts, Markup("</svg>")])


def stacked(bars: Bars, series: Sequence[str], title: str) -> Markup:
    """Draw one column beside the other, for years; the numbers of a column stand on each other."""
    most = max((sum(values) for _, values in bars), default=0) or 1
    top = 10 + 20 * ((len(series) + 2) // 3)
    parts = [_open(top + _PLOT + 26, title), *(_legend(series) if len(series) > 1 else ()), *_scale(top, most)]
    step, every = (WIDTH - _AXIS) / max(len(bars), 1), -(-len(bars) // 20)
    for index, (label, values) in enumerate(bars):
        x, width = round(_AXIS + step * (index + 0.1), 1), round(step * 0.8, 1)
        parts += _column(x, width, top, list(zip(series, values, strict=True)), label, most)
        if index % every == 0:
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    round(x + width / 2, 1), top + _PLOT + 18, label
                )
            )
    return Markup("\n").join([*parts, Markup("</svg>")])


def _legend(series: Sequence[str]) -> Iterator[Markup]:
    for index, name in enumerate(series):
        x, y = _AXIS + 230 * (index % 3), 4 + 20 * (index // 3)
        yield Markup('<rect x="{}" y="{}" width="12" height="12" fill="{}"/><text x="{}" y="{}">{}</text>').format(
            x, y, COLOURS[index % len(COLOURS)], x + 18, y + 11, name
        )


def _scale(top: int, most: int) -> Iterator[Markup]:
    line = Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{:,.0f}</text>')
    for share in (0.0, 0.5, 1.0):
        y = round(top + _PLOT * (1 - share), 1)
        yield line.format(_AXIS, WIDTH, y, y, _AXIS - 6, y + 4, most * share)


def _column(
    x: float, width: float, top: int, values: Sequence[tuple[str, int]], label: str, most: int
) -> Iterator[Markup]:
    bar = Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"><title>{} {}: {:,}</title></rect>')
    y = float(top + _PLOT)
    for number, (name, value) in enumerate(values):
        if value:
            height = _PLOT * value / most
            y -= height
            colour = COLOURS[number % len(COLOURS)]
            yield bar.format(x, round(y, 1), width, round(height, 1), colour, label, name, value)


def text_bar(value: int, most: int, width: int = 20) -> str:
    """Return a bar of block characters, for places that show text alone."""
    return "█" * round(width * value / most) if most else ""


def _open(height: int, title: str) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">').format(
        WIDTH, height, escape(title)
    )


def _short(label: str) -> str:
    return label if len(label) <= 26 else label[:25] + "…"
