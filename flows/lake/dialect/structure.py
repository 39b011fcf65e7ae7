"""Where the table is in a file: lines above it, its header or none, what ends its rows, how its quotes are written.

Found in the sample whose delimiter is known already (`flows.lake.dialect.detection`). Whatever is not clear stays as in
`pandas.read_csv` with its defaults: of two structures that are equally likely, the simpler is taken.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flows.lake.dialect.detection import Detected
from flows.lake.dialect.headers import Record, has_header, is_upper_header, names_columns

_MAX_RECORDS = 300
_KEPT_RECORDS = 61
_MOST_LINES_ABOVE = 100
_MOST_HEADER_LINES = 4


@dataclass(frozen=True)
class Structure:
    """What must be known beyond the dialect to cut a file into its table.

    Attributes:
        skip: Lines above the header, or above the first row where there is none.
        has_header: Whether a line names the columns.
        width: The number of columns.
        plain_quotes: Quotes are letters like others (`quoting=csv.QUOTE_NONE`).
        escapechar: The sign that escapes a quote.
        after_blanks: Quoted fields begin after blanks (`skipinitialspace`).
        closing_delimiter: Each row ends with a delimiter that the header does not have.
        doubled: Two delimiters stand between fields.
        long_first_row: The line of a first row that alone is longer than the header, counted from 1.
        notes: What a person should know of all this, a sentence each.
        records: The first records of the table, its header included.
    """

    skip: int = 0
    has_header: bool = True
    width: int = 1
    plain_quotes: bool = False
    escapechar: str | None = None
    after_blanks: bool = False
    closing_delimiter: bool = False
    doubled: bool = False
    long_first_row: int | None = None
    notes: tuple[str, ...] = ()
    records: tuple[Record, ...] = field(default=(), repr=False)


def find_structure(sample: str, found: Detected, *, whole: bool, may_double: bool = True) -> Structure:
    """Return the structure that a sample speaks for.

    Args:
        sample: The first part of the text, without byte order mark.
        found: Its dialect.
        whole: Whether that is the whole text; else the last line may be cut.
        may_double: Whether two delimiters may stand between fields.
    """
    if found.excel_line:
        return Structure(skip=1, width=found.width)
    doubled = may_double and _is_doubled(sample, found)
    escapechar = "\\" if found.escaped and not re.search(r'\\[^\\"\']', sample) else None
    after_blanks = _has_quotes_after_blanks(sample, found)
    plain_quotes = found.plain_quotes and escapechar is None
    reader = Structure(
        plain_quotes=plain_quotes, escapechar=escapechar, after_blanks=after_blanks, doubled=doubled, width=found.width
    )
    records = _records(sample, found, reader)
    if not whole:
        records = records[:-1]
    if not records:
        return reader
    width = _width(records)
    if width < 2 or found.delimiter == " ":
        reader = replace(reader, width=max(width, 1), doubled=False)
        return replace(reader, notes=_notes(reader))
    start = _start(records, width)
    if start and not (
        _is_regular(records[start:], width) and _can_be_skipped(sample, records[start - 1][1], found, plain_quotes)
    ):
        start = 0
    table = records[start:]
    if doubled and (len(table[0][2]) != width or table[0][0] != table[0][1]):
        return find_structure(sample, found, whole=whole, may_double=False)
    skip = records[start - 1][1] if start else 0
    header = has_header(table, width)
    closing = header and _has_closing_delimiter(table, width)
    structure = replace(
        reader,
        width=width,
        skip=skip,
        has_header=header,
        closing_delimiter=closing,
        long_first_row=None if closing or doubled or not header else _long_first_row(table),
        records=tuple(table[:_KEPT_RECORDS]),
    )
    return replace(structure, notes=_notes(structure))


def _notes(structure: Structure) -> tuple[str, ...]:
    notes = []
    if structure.skip:
        lines = "1 line stands" if structure.skip == 1 else f"{structure.skip} lines stand"
        below = "header" if structure.has_header else "first row"
        notes.append(f"{lines} above the table: its {below} is on line {structure.skip + 1}.")
    if not structure.has_header:
        notes.append("No line names the columns: they are numbered. State names in the contract (read: names).")
    if structure.plain_quotes:
        notes.append("Quotes stand inside values without closing: they are read as plain text.")
    if structure.escapechar:
        notes.append("Quotes are escaped with a backslash, and read so.")
    if structure.after_blanks:
        notes.append("Blanks stand between delimiters and quotes: they are left out.")
    if structure.closing_delimiter:
        notes.append("Each row ends with a delimiter more than the header: the empty field after it is left out.")
    if structure.doubled:
        notes.append("Two delimiters stand between fields: the empty fields between them are left out.")
    return tuple(notes)


def _records(sample: str, found: Detected, how: Structure) -> list[Record]:
    """Return the records of a sample, blank ones left out, as pandas' parser cuts them."""
    reader = csv.reader(
        io.StringIO(sample, newline=""),
        delimiter=found.delimiter,
        quotechar=found.quotechar,
        quoting=csv.QUOTE_NONE if how.plain_quotes else csv.QUOTE_MINIMAL,
        escapechar=how.escapechar,
        skipinitialspace=how.after_blanks,
    )
    records: list[Record] = []
    line = 0
    try:
        for fields in reader:
            fields = fields[::2] if how.doubled else fields
            if len(fields) > 1 or (fields and fields[0].strip()):
                records.append((line + 1, reader.line_num, fields))
            line = reader.line_num
            if len(records) == _MAX_RECORDS:
                break
    except csv.Error:
        pass
    return records


def _width(records: Sequence[Record]) -> int:
    """Return the width of most records that are more than one field wide."""
    counts = Counter(len(fields) for _, _, fields in records if len(fields) > 1)
    if not counts or counts.total() < 0.2 * len(records):
        return 1
    return max(counts, key=lambda width: (counts[width], width))


def _start(records: Sequence[Record], width: int) -> int:
    """Return the place of the first record of the table: those before it are titles, comments and notes."""
    start = 0
    while start < min(len(records) - 1, _MOST_LINES_ABOVE) and _is_above(records[start][2], records, start, width):
        start += 1
    if not all(_is_wide(fields, width) for _, _, fields in records[start : start + 2]):
        return 0
    # Of several header lines the last names the columns: those above it have gaps.
    for _ in range(_MOST_HEADER_LINES):
        if not is_upper_header(records, start, width):
            break
        start += 1
    return start


def _is_regular(table: Sequence[Record], width: int, share: float = 0.7) -> bool:
    """Return whether enough records are of a table's width to believe that lines above it are none of its."""
    regular = sum(len(fields) == width for _, _, fields in table)
    return regular >= 3 and regular >= share * len(table)


def _can_be_skipped(sample: str, lines: int, found: Detected, plain_quotes: bool) -> bool:
    """Return whether pandas counts the lines above the table as they are counted here.

    Its parser minds quotes also in lines that it skips, and loses a sign after one that ends with a return alone.
    """
    above = lines_of(sample)[:lines]
    balanced = plain_quotes or all(line.count(found.quotechar) % 2 == 0 for line in above)
    return balanced and all(line.endswith("\n") for line in above)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends, of which there are three."""
    return re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+", text)


def _is_wide(fields: Sequence[str], width: int) -> bool:
    return len(fields) >= width - 1


def _is_above(fields: Sequence[str], records: Sequence[Record], place: int, width: int) -> bool:
    """Return whether a record is no part of the table below it."""
    filled = sum(bool(cell.strip()) for cell in fields)
    if fields[0].lstrip().startswith(("#", "//")) and (len(fields) < width or filled <= 1):
        return True
    if width >= 3 and len(fields) <= max(1, width // 2):
        return True
    if width == 2 and len(fields) == 1:
        return True
    if width >= 4 and len(fields) < width - 1 and _is_regular(records[place + 1 :], width, 0.9):
        return True
    below = records[place + 1][2]
    if (
        width >= 3
        and len(fields) == width - 1
        and names_columns(below, [row for _, _, row in records[place + 2 :]], width)
    ):
        return True
    below_filled = sum(bool(cell.strip()) for cell in below)
    if width >= 3 and filled == 0:
        return True
    # A title in its own first cell, in a row as wide as the table's.
    return width >= 3 and filled == 1 and bool(fields[0].strip()) and _rest_is_full(records, place, width, below_filled)


def _rest_is_full(records: Sequence[Record], place: int, width: int, below_filled: int) -> bool:
    rows = [fields for _, _, fields in records[place + 1 :] if len(fields) == width]
    full = sum(sum(bool(cell.strip()) for cell in fields) > 1 for fields in rows)
    return bool(rows) and full >= 0.9 * len(rows) - 5 and (below_filled > 1 or place < 20)


def _has_closing_delimiter(table: Sequence[Record], width: int) -> bool:
    """Return whether each row ends with a delimiter more than the header, and nothing after it."""
    rows = [fields for _, _, fields in table[1:]]
    return (
        len(rows) >= 2
        and len(table[0][2]) == width - 1
        and bool(table[0][2][-1].strip())
        and all(len(fields) == width and not fields[-1].strip() for fields in rows)
    )


def _long_first_row(table: Sequence[Record]) -> int | None:
    """Return the line of a first row that alone is longer than the header: pandas would widen the table by it."""
    if len(table) < 4 or len(table[0][2]) < 2 or table[0][0] != table[0][1]:
        return None
    width = len(table[0][2])
    is_alone = all(len(fields) <= width for _, _, fields in table[2:])
    return table[1][0] if is_alone and len(table[1][2]) > width else None


def _is_doubled(sample: str, found: Detected) -> bool:
    """Return whether two delimiters stand wherever one would."""
    if found.delimiter == " " or found.delimiter * 2 not in sample:
        return False
    sign = re.escape(found.delimiter)
    runs = Counter(len(run) for run in re.findall(f"{sign}+", re.sub(r'"[^"]*"', '""', sample)))
    return runs[2] >= 3 and runs[1] == 0 and runs[3] == 0 and runs[2] >= 0.8 * runs.total()


def _has_quotes_after_blanks(sample: str, found: Detected) -> bool:
    """Return whether quoted fields follow a delimiter and blanks, where pandas would not see them."""
    if found.delimiter == " " or found.quotechar not in sample:
        return False
    after = len(re.findall(re.escape(found.delimiter) + " +" + re.escape(found.quotechar), sample))
    beside = sample.count(found.delimiter + found.quotechar)
    return after >= 2 and beside < 0.1 * after
