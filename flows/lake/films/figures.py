"""Plots as SVG, made of rectangles and text: the same numbers give the same bytes, and nothing is loaded with the page.

Colours are Okabe and Ito's, which people with any colour vision tell apart; text takes the page's colour. Every bar has
its number as a tooltip, and the table beside a plot has them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
WIDTH = 720
_LABELS = 190
_ROW = 22

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
    plot, left, top = 240, 44, 10 + 20 * ((len(series) + 2) // 3)
    step = (WIDTH - left) / max(len(bars), 1)
    parts = [_open(top + plot + 26, title)]
    for index, name in enumerate(series if len(series) > 1 else ()):
        x, y = left + 230 * (index % 3), 4 + 20 * (index // 3)
        parts.append(
            Markup('<rect x="{}" y="{}" width="12" height="12" fill="{}"/><text x="{}" y="{}">{}</text>').format(
                x, y, COLOURS[index % len(COLOURS)], x + 18, y + 11, name
            )
        )
    for share in (0.0, 0.5, 1.0):
        y = round(top + plot * (1 - share), 1)
        parts.append(
            Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{:,.0f}</text>').format(
                left, WIDTH, y, y, left - 6, y + 4, most * share
            )
        )
    for index, (label, values) in enumerate(bars):
        x, y = round(left + step * (index + 0.1), 1), float(top + plot)
        for number, value in enumerate(values):
            if not value:
                continue
            height = plot * value / most
            y -= height
            name = series[number] if number < len(series) else ""
            parts.append(
                Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"><title>{} {}: {:,}</title></rect>').format(
                    x, round(y, 1), round(step * 0.8, 1), round(height, 1), COLOURS[number % len(COLOURS)], label, name,
                    value,
                )
            )
        every = -(-len(bars) // 20)
        if index % every == 0:
            parts.append(
                Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
                    round(x + step * 0.4, 1), top + plot + 18, label
                )
            )
    return Markup("\n").join([*parts, Markup("</svg>")])


def text_bar(value: int, most: int, width: int = 20) -> str:
    """Return a bar of block characters, for places that show text alone."""
    return "█" * round(width * value / most) if most else ""


def _open(height: int, title: str) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}" xmlns="http://www.w3.org/2000/svg">').format(
        WIDTH, height, escape(title)
    )


def _short(label: str) -> str:
    return label if len(label) <= 26 else label[:25] + "…"
