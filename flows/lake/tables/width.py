"""How wide a table is, found before pandas reads it, and the names of a wide one.

pandas takes some kilobytes for each column however little it holds, and makes names unique by looking through all of
them for each: 400,000 columns took 700 MB, 100,000 of one name a minute. So the fields of the first two lines, which
decide the width, are counted first, and the header of a wide file is named here by pandas' own rule
(`_get_header` in pandas/_libs/parsers.pyx) in time that grows with its bytes.
"""

from __future__ import annotations

import re
from collections import Counter

from flows.lake.tables.records import records

WIDE = 1_000
"""Columns from which on a header is named here."""

HEAD_BYTES = 64 * 1024


def first_widths(text: bytes, delimiter: str, quotechar: str, lines: int = 2) -> list[int]:
    """Return how many fields the first lines of a text have, blank ones left out; a lone quote stands for itself.

    Args:
        text: The text, which may end in mid-line.
        delimiter: The field separator, one ASCII character.
        quotechar: The quote character, one ASCII character.
        lines: How many lines are counted.
    """
    if len(text) > HEAD_BYTES:
        # The first lines of a block of megabytes are nearly always in its first kilobytes.
        widths = _widths(text[:HEAD_BYTES], delimiter, quotechar, lines + 1)  # the last one may be cut
        if len(widths) == lines + 1:
            return widths[:lines]
    return _widths(text, delimiter, quotechar, lines)


def _widths(text: bytes, delimiter: str, quotechar: str, lines: int) -> list[int]:
    separator, quote = delimiter.encode(), re.escape(quotechar.encode())
    if quotechar.encode() in text:
        text = re.sub(quote + b"[^" + quote + b"]*" + quote, b"q", text)
    widths: list[int] = []
    at = 0
    for match in re.finditer(rb"[\r\n]", text):
        if match.start() > at:
            widths.append(text.count(separator, at, match.start()) + 1)
        at = match.end()
        if len(widths) == lines:
            return widths
    return [*widths, text.count(separator, at) + 1] if at < len(text) else widths


def named_header(block: bytes, delimiter: str, quotechar: str) -> tuple[bytes, list[str]] | None:
    """Return a block with a header of numbers in place of its own, and the names that pandas would give the columns.

    `None` where the header is not wide, or not the first line alone: pandas names the columns then.
    """
    end = block.find(b"\n") + 1
    header = block[:end].removeprefix(b"\xef\xbb\xbf")
    if header.count(delimiter.encode()) < WIDE or b"\r" in header.rstrip(b"\r\n"):
        return None
    records_of_header = list(records(header, delimiter, quotechar))
    if len(records_of_header) != 1:
        return None
    fields = records_of_header[0][1]
    numbers = delimiter.join(map(str, range(len(fields)))).encode() + b"\n"
    return numbers + block[end:], unique_names(fields)


def unique_names(fields: list[str]) -> list[str]:
    """Return names as pandas makes them unique: `a`, `a.1`, `Unnamed: 2`; those that have names first."""
    names = [field or f"Unnamed: {place}" for place, field in enumerate(fields)]
    order = [
        *(place for place, field in enumerate(fields) if field),
        *(p for p, field in enumerate(fields) if not field),
    ]
    present, counts = Counter(names), Counter[str]()
    for place in order:
        name = old = names[place]
        count = counts[name]
        while count > 0:
            counts[old] = count + 1
            name = f"{old}.{count}"
            count = count + 1 if present[name] else counts[name]
        present[old] -= 1
        present[name] += 1
        names[place] = name
        counts[name] = count + 1
    return names
