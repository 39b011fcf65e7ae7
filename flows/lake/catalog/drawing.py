"""The pictures of the catalog as SVG: strips of squares, curves, the calendar of a year, bars.

Numbers go in and paths come out, so that nothing from outside can get into them. A state has a shape
besides its colour: full, half, notched, crossed, and a dot for nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from markupsafe import Markup

from flows.lake.catalog.records import DayState

_ORDER: tuple[DayState | str, ...] = ("landed", "unchanged", "drifted", "rejected", "none", "late")


@functools.lru_cache(maxsize=16_384)
def _shape(state: str, x: int, y: int, side: int) -> str:
    """Return the path of one square."""
    half = side // 2
    if state == "unchanged":
        return f"M{x} {y + half}h{side}v{side - half}h-{side}z"
    if state == "drifted":  # a corner is missing
        return f"M{x} {y}h{half}l{side - half} {half}v{side - half}h-{side}z"
    if state == "rejected":  # a cross
        third = max(1, side // 3)
        edge = side - 2 * third
        there = f"h{edge}v{third}h{third}v{edge}h-{third}v{third}"
        return f"M{x + third} {y}{there}h-{edge}v-{third}h-{third}v-{edge}h{third}z"
    if state == "late":  # hollow
        return f"M{x} {y}h{side}v{side}h-{side}zM{x + 1} {y + 1}v{side - 2}h{side - 2}v-{side - 2}z"
    if state == "none":
        return f"M{x + half - 1} {y + half}h2v2h-2z"
    return f"M{x} {y}h{side}v{side}h-{side}z"


def _paths(squares: Mapping[str, list[str]]) -> str:
    return "".join(f'<path class="s-{state}" d="{"".join(squares[state])}"/>' for state in _ORDER if state in squares)


def _svg(name: str, width: int, height: int, shapes: str, more: str = "") -> Markup:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"{more}'
    return Markup(f'<svg class="{name}" {size} aria-hidden="true">{shapes}</svg>')  # noqa: S704 - numbers alone


def square(state: str) -> Markup:
    """Return the square of a state, for the legend."""
    path = _paths({state: [_shape(state, 0, 0, 9)]})
    return _svg("sq", 9, 9, path)


def strip(states: Sequence[str]) -> Markup:
    """Return a row of squares, one a day."""
    squares: dict[str, list[str]] = {}
    for place, state in enumerate(states):
        squares.setdefault(state, []).append(_shape(state, place * 7, 1, 6))
    width = len(states) * 7
    return _svg("strip", width, 8, _paths(squares))


def curve(values: Sequence[int]) -> Markup:
    """Return the days' values as a small line."""
    top, width, height = max(values, default=0) or 1, 90, 22
    step = width / max(1, len(values) - 1)
    points = " ".join(
        f"{place * step:.0f},{height - 2 - (height - 4) * value / top:.0f}" for place, value in enumerate(values)
    )
    return _svg("curve", width, height, f'<polyline points="{points}"/>')


def calendar(year: int, states: Mapping[date, DayState]) -> Markup:
    """Return a year as weeks of squares, Monday on top."""
    first = date(year, 1, 1)
    squares: dict[str, list[str]] = {}
    months: list[str] = []
    days = (date(year, 12, 31) - first).days + 1
    for number in range(days):
        day = first + timedelta(days=number)
        week = (number + first.weekday()) // 7
        squares.setdefault(states.get(day, "none"), []).append(
            _shape(states.get(day, "none"), week * 12, 12 + day.weekday() * 12, 10)
        )
        if day.day == 1:
            months.append(f'<text x="{week * 12}" y="8">{day.month:02}</text>')
    return _svg("year", 640, 98, "".join(months) + _paths(squares))


def bars(values: Sequence[int]) -> Markup:
    """Return a bar for each day."""
    top, height = max(values, default=0) or 1, 60
    width = max(1, len(values)) * 2
    path = "".join(
        f"M{place * 2} {height}v-{max(1, round(height * value / top))}h2v{max(1, round(height * value / top))}z"
        for place, value in enumerate(values)
        if value
    )
    return _svg("bars", width, height, f'<path d="{path}"/>', more=' preserveAspectRatio="none"')
