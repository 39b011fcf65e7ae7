"""Draws wall time and memory against the size of one large file, as a small SVG that the README shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

WIDTH, HEIGHT = 340, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 40, 40
FLOW, SCRIPT = "#1f6feb", "#b35900"


class Measure(Protocol):
    """What one contender took."""

    @property
    def wall_s(self) -> float:
        """Wall seconds."""

    @property
    def peak_mb(self) -> float:
        """Peak memory in MB."""


def picture(points: Sequence[tuple[float, Measure, Measure | None]]) -> str:
    """Return the picture.

    Args:
        points: Size in GB, what the flow took, and what the script took where it was measured.
    """
    seconds = _panel(
        0, "Wall time, s", [(x, flow.wall_s, script.wall_s if script else None) for x, flow, script in points]
    )
    memory = _panel(
        WIDTH, "Peak memory, MB", [(x, flow.peak_mb, script.peak_mb if script else None) for x, flow, script in points]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" width="{2 * WIDTH}"'
        f' height="{HEIGHT}" font-family="sans-serif" font-size="12">\n'
        "<title>Wall time and peak memory of one large file, for the flow and for the script it replaces</title>\n"
        f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="white"/>\n{seconds}{memory}</svg>\n'
    )


def _panel(left: int, title: str, points: Sequence[tuple[float, float, float | None]]) -> str:
    widest = max(x for x, _, _ in points)
    highest = _round_up(max(max(flow, script or 0) for _, flow, script in points))

    def at(x: float, y: float) -> str:
        across = left + LEFT + x / widest * (WIDTH - LEFT - RIGHT)
        return f"{across:.1f},{HEIGHT - BOTTOM - y / highest * (HEIGHT - TOP - BOTTOM):.1f}"

    parts = [f'<text x="{left + LEFT}" y="20" font-weight="bold">{title}</text>']
    for share in (0, 0.5, 1):
        x1, y1 = at(0, share * highest).split(",")
        x2, _ = at(widest, 0).split(",")
        parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y1}" stroke="#d0d0d0"/>')
        label = f"{share * highest:,.0f}"
        parts.append(
            f'<text x="{left + LEFT - 6}" y="{float(y1) + 4:.1f}" text-anchor="end" fill="#444">{label}</text>'
        )
    for x, _, _ in points:
        across, _ = at(x, 0).split(",")
        anchor = "start" if x < widest / 10 else "end" if x == widest else "middle"
        parts.append(f'<text x="{across}" y="{HEIGHT - BOTTOM + 18}" text-anchor="{anchor}" fill="#444">{x:g}</text>')
    parts.append(f'<text x="{left + WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end" fill="#444">size, GB</text>')
    flow = [(x, y) for x, y, _ in points]
    script = [(x, y) for x, _, y in points if y is not None]
    for number, (name, line, colour) in enumerate((("flow", flow, FLOW), ("script", script, SCRIPT))):
        path = " ".join(at(*point) for point in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for point in line:
            across, up = at(*point).split(",")
            parts.append(f'<circle cx="{across}" cy="{up}" r="3" fill="{colour}"/>')
        label_x = left + WIDTH - RIGHT - 52 * (1 - number)
        parts.append(f'<text x="{label_x}" y="20" text-anchor="end" fill="{colour}">{name}</text>')
    return "\n".join(parts) + "\n"


def _round_up(value: float) -> float:
    step = 10.0 ** (len(str(int(value))) - 1)
    return float(-(-value // step) * step) or 1.0
