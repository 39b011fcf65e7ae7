"""The table of files that grows in a terminal while they land: file, step, bar and rate; rich draws it.

Who lands files says so here (`expect`, `step`, `end`, `note`), from any thread. Rows are bounded by the terminal: what
is at work comes first, then what went wrong, then what ended last; the last line counts the others.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from flows.lake.units import size_text
from flows.lake.words import cut, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS = 12
OTHER_LINES = 6
"""Lines of the terminal that stay free of the table."""
MOST_NOTES, LONGEST_NOTE = 10, 240
"""What is printed above the table of warnings and errors, and how many characters of each."""
CLOSING_LINES = 25
NARROW, NARROWER = 72, 48
"""Columns below which the rate, and then the bar, are left out."""


def shortened(text: str) -> str:
    """Return a closing table as a terminal shows it: the first rows, among which are those that went wrong."""
    lines = text.splitlines()
    if len(lines) <= CLOSING_LINES + 5:
        return text
    return "\n".join(
        [*lines[:CLOSING_LINES], f" … and {len(lines) - CLOSING_LINES:,} lines more in the log in the lake"]
    )


def wanted(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether a stream gets the table: a terminal that can move its cursor, unless VERBOSE asks for lines.

    NO_COLOR takes the colours away, not the table.
    """
    plain = environ.get("TERM", "dumb" if os.name == "posix" else "") in ("dumb", "unknown")
    return stream.isatty() and not plain and environ.get("VERBOSE", "") in ("", "0")


@dataclass
class _Row:
    title: str
    size_bytes: int = 0
    step: str = "waiting"
    done: int = 0
    total: int = 0
    began: float = 0.0
    ended: float = 0.0
    bad: bool = False

    @property
    def rank(self) -> tuple[int, float]:
        """Where it stands among the rows: at work, bad, ended (the last first), waiting."""
        if self.ended:
            return (1 if self.bad else 2, -self.ended)
        return (0, self.began) if self.began else (3, 0.0)


class LiveTable:
    """The table; a context manager that leaves the terminal as it was.

    Args:
        stream: The terminal.
        environ: The environment.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str] = os.environ) -> None:
        from rich.console import Console
        from rich.live import Live

        if (reconfigure := getattr(stream, "reconfigure", None)) and not (stream.encoding or "").startswith("utf"):
            reconfigure(errors="backslashreplace")
        # The terminal's own size: a COLUMNS that somebody exported is that of another one, or of an earlier moment.
        own = {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}
        self._console = Console(
            file=stream, force_terminal=True, highlight=False, markup=False, emoji=False, _environ=own
        )
        self._lock = threading.Lock()
        self._rows: dict[str, _Row] = {}
        self._notes = 0
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
            vertical_overflow="crop",
        )

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def expect(self, files: Iterable[tuple[str, str, int]]) -> None:
        """Show files that wait: what tells each from the others, its title and its size in bytes."""
        with self._lock:
            for key, title, size_bytes in files:
                self._rows.setdefault(key, _Row(title, size_bytes))

    def step(self, key: str, step: str, done: int = 0, total: int = 0, *, title: str = "") -> None:
        """Show that a file is at a step, and how far."""
        with self._lock:
            row = self._rows.setdefault(key, _Row(title or key))
            if row.ended:
                return
            if row.step != step:
                row.step, row.began = step, time.monotonic()
            row.done, row.total = done, total

    def end(self, key: str, title: str, state: str, *, bad: bool = False) -> None:
        """Show how a file's way ended."""
        with self._lock:
            row = self._rows.setdefault(key, _Row(title))
            row.step, row.bad, row.ended = state, bad, time.monotonic()

    def note(self, text: str) -> None:
        """Print the first line of a text above the table; of many texts, the first ones."""
        with self._lock:
            self._notes += 1
            if self._notes > MOST_NOTES + 1:
                return
            rest = self._notes > MOST_NOTES
        line = cut(printable(text.partition("\n")[0]), LONGEST_NOTE)
        self._console.print("… the log in the lake has more of these." if rest else line, soft_wrap=True)

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        with self._lock:
            rows = sorted(self._rows.values(), key=lambda row: row.rank)
            counts = Counter("waiting" if not (row.began or row.ended) else row.step for row in rows)
        if not rows:
            return Text("")
        width, most = self._console.width, min(MOST_ROWS, max(1, self._console.height - OTHER_LINES))
        # A terminal that wraps the last column would tear the table.
        table = Table(box=None, pad_edge=False, width=min(width - 1, 100), show_header=width >= NARROWER)
        table.add_column("File", ratio=3, no_wrap=True, overflow="ellipsis")
        table.add_column("Step", ratio=1, min_width=9, no_wrap=True, overflow="ellipsis")
        if width >= NARROWER:
            table.add_column("", width=16, no_wrap=True)
        if width >= NARROW:
            table.add_column("Rate", width=12, justify="right", no_wrap=True)
        for row in rows[:most]:
            cells: list[Any] = [Text(row.title, style="red" if row.bad else ""), Text(row.step, style=_style(row))]
            if width >= NARROWER:
                cells.append(_bar(row))
            if width >= NARROW:
                cells.append(Text(_rate(row)))
            table.add_row(*cells)
        counted = ", ".join(f"{count:,} {step}" for step, count in counts.items())
        total = f"{len(rows):,} file{'s' * (len(rows) != 1)}: {counted}"
        return Group(table, Text(total, style="dim", no_wrap=True, overflow="ellipsis"))


def _style(row: _Row) -> str:
    return "bold red" if row.bad else "green" if row.ended else "cyan" if row.began else "dim"


def _bar(row: _Row) -> Any:
    from rich.progress_bar import ProgressBar

    done, total = (1, 1) if row.ended and not row.bad else (row.done, row.total or 1)
    return ProgressBar(total=total, completed=done, width=16)


def _rate(row: _Row) -> str:
    """Return the rate of a step that is under way, and the size of a file otherwise."""
    if row.done and not row.ended and not row.size_bytes:
        return f"{100 * row.done / max(1, row.total):.0f} %"
    if row.ended or not row.done:
        return size_text(row.size_bytes) if row.size_bytes else ""
    return f"{size_text(row.done / max(0.1, time.monotonic() - row.began))}/s"
