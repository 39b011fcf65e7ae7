"""Owns the guess at a CSV file's delimiter, quote character and decimal mark, from a bounded sample of its text.

Every candidate cuts the sample into a table; the one whose table is most like a table wins. Three kinds of evidence
count: rows of equal width (as DuckDB's sniffer looks at it), cells that look like whole cells (as clevercsv does), and
quotes that stand next to the delimiter (as `csv.Sniffer` does). Signs that are common in text (`:`, blank) must be
clearer than others. Figures and what was compared: docs/decisions/0031-delimiter-detection.md.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from flows.lake.cell_types import cell_score, is_number
from flows.lake.decimal_mark import decimal_mark

_PRIOR = {",": 1.0, "\t": 1.0, ";": 1.0, "|": 1.0, "~": 0.8, "^": 0.8, ":": 0.5, " ": 0.5}
_TYPED_ROWS = 150
_TYPED_CELLS = 2_000
_MAX_ROWS = 2_000
_LEAST_SCORE = 0.12
_COMMENT = "#"
_NO_DELIMITER_COLON = re.compile(
    r"(?<![:.\d])\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?![:\d])|\b[a-z]{3,5}://", re.IGNORECASE
)
_EXCEL = re.compile(r'\A"?sep=(.)"?\r?\n', re.IGNORECASE)


@dataclass(frozen=True)
class Detected:
    """What the sample speaks for.

    Attributes:
        delimiter: The field separator; for a table of one column a comma, or what does not occur in it.
        quotechar: The quote character.
        decimal: The decimal mark.
        width: The number of fields in most rows.
        lead_lines: Lines before the first row of that width.
        excel_line: The first line is `sep=…`, which Excel alone understands.
    """

    delimiter: str = ","
    quotechar: str = '"'
    decimal: str = "."
    width: int = 1
    lead_lines: int = 0
    excel_line: bool = False


@dataclass(frozen=True)
class _Candidate:
    delimiter: str
    quotechar: str | None
    score: float
    width: int
    rows: list[list[str]]


def detect(sample: str, *, whole: bool = True, delimiter: str | None = None) -> Detected:
    """Return the dialect that cuts the sample into the most regular table.

    Args:
        sample: The first part of the text, without byte order mark.
        whole: Whether that is the whole text; else the last line is cut off and left out.
        delimiter: The delimiter, if it is known.
    """
    told = _EXCEL.match(sample)
    if told and told[1] in ([delimiter] if delimiter else _PRIOR):
        rows = _rows(sample[told.end() :], told[1], '"')
        return Detected(
            told[1], decimal=decimal_mark(told[1], rows), width=_modal_width(rows), lead_lines=1, excel_line=True
        )
    text = sample if whole else _to_last_line_end(sample)
    best = _best(text, [delimiter] if delimiter else list(_PRIOR))
    if best is None:  # one column: what does not occur in it leaves it whole
        return Detected(delimiter or next((each for each in (",", "\t", ";", "|") if each not in text), ","))
    return Detected(
        delimiter=best.delimiter,
        quotechar=best.quotechar or '"',
        decimal=decimal_mark(best.delimiter, best.rows),
        width=best.width,
        lead_lines=_lead_lines(text, best),
    )


def _to_last_line_end(sample: str) -> str:
    end = max(sample.rfind("\n"), sample.rfind("\r")) + 1
    return sample[:end] or sample


def _best(text: str, delimiters: list[str]) -> _Candidate | None:
    lines = [line for line in text.splitlines() if line.strip()][:_MAX_ROWS]
    best, second_rate = None, None
    for delimiter in delimiters:
        if best and _most(delimiter, '"') <= best.score:
            continue
        with_it = sum(delimiter in line for line in lines)
        if with_it < max(1, 0.2 * len(lines)) or (delimiter == ":" and _is_in_times_alone(lines, with_it)):
            continue
        for quotechar, escaped in _quotings(text, delimiter):
            if best and _most(delimiter, quotechar) <= best.score:
                continue
            candidate = _judge(text, delimiter, quotechar, escaped)
            if candidate.score >= _LEAST_SCORE:
                best = max(best or candidate, candidate, key=lambda each: each.score)
            elif with_it > 0.7 * len(lines) and _is_list_of_terms(candidate):
                second_rate = max(second_rate or candidate, candidate, key=lambda each: each.score)
    return best or second_rate


def _most(delimiter: str, quotechar: str | None) -> float:
    """Return the best score that a candidate can have."""
    return _PRIOR.get(delimiter, 0.8) * (1.0 if quotechar else 0.95)


def _is_in_times_alone(lines: list[str], with_colon: int) -> bool:
    """Whether most colons belong to times of day and addresses."""
    without = sum(":" in _NO_DELIMITER_COLON.sub("", line) for line in lines)
    return without < 0.5 * with_colon


def _is_list_of_terms(candidate: _Candidate) -> bool:
    """Whether rows of any length are lists of short terms, as baskets are, and not sentences."""
    cells = [cell for row in candidate.rows[:_TYPED_ROWS] for cell in row if cell.strip()]
    short = sum(len(cell) < 40 and cell == cell.strip() and len(cell.split()) <= 3 for cell in cells)
    return candidate.delimiter in ",;\t|" and len(candidate.rows) >= 3 and short > 0.9 * len(cells)


def _quotings(text: str, delimiter: str) -> Iterator[tuple[str | None, bool]]:
    """Yield the quote characters worth trying, and whether a backslash escapes them.

    None reads quotes as letters, for files that do not mean them.
    """
    yield '"', False
    if '"' in text:
        if '\\"' in text:
            yield '"', True
        yield None, False
    elif (
        "'" in text
        and len(re.findall(rf"(?:^|{re.escape(delimiter)})'|'(?:{re.escape(delimiter)}|$)", text, re.MULTILINE)) >= 8
    ):
        yield "'", False


def _rows(text: str, delimiter: str, quotechar: str | None, escaped: bool = False) -> list[list[str]]:
    """Return the rows of a text that are not blank, a bounded number."""
    source = io.StringIO(text, newline="")
    reader = csv.reader(
        source,
        delimiter=delimiter,
        quotechar=quotechar,
        quoting=csv.QUOTE_MINIMAL if quotechar else csv.QUOTE_NONE,
        escapechar="\\" if escaped else None,
        skipinitialspace=delimiter == " ",
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            if len(row) > 1 or (row and row[0].strip()):
                rows.append(row)
                if len(rows) >= _MAX_ROWS:
                    break
    except csv.Error:  # a field beyond the reader's limit: the quote that opens it is none
        pass
    return rows


def _modal_width(rows: list[list[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 1


def _judge(text: str, delimiter: str, quotechar: str | None, escaped: bool) -> _Candidate:
    rows = _rows(text, delimiter, quotechar, escaped)
    if _COMMENT in text:
        rows = [row for row in rows if not (len(row) == 1 and row[0].startswith(_COMMENT))]
    if delimiter == " ":
        rows = [row[:-1] if row and not row[-1] else row for row in rows]
    if not rows:
        return _Candidate(delimiter, quotechar, 0.0, 1, rows)
    regularity, width = _regularity([len(row) for row in rows])
    if width < 2:
        return _Candidate(delimiter, quotechar, 0.0, width, rows)
    score = regularity * _typed(rows) * _PRIOR.get(delimiter, 0.8) * (1 - 1 / (width + 1))
    fit = _quote_fit(text, delimiter, quotechar)
    score *= fit
    quoted = fit == 1 and quotechar is not None and text.count(quotechar) >= 2 * len(rows)
    if delimiter in ",;|:" and (regularity < 0.97 or len(rows) < 3) and _reads_as_prose(rows, text, delimiter):
        score *= 0.3
    if delimiter in " :" and not quoted and not _clear(rows, width, regularity, delimiter):
        score *= 0.3
    return _Candidate(delimiter, quotechar, score, width, rows)


def _regularity(widths: list[int]) -> tuple[float, int]:
    """Return how regular the widths of rows are, 0 to 1, and the width of the table.

    Narrow rows before the table (a title, notes) and after it (totals, sources) cost little; rows of changing width
    that follow each other cost most.
    """
    counts = Counter(width for width in widths if width > 1)
    if not counts:
        return 0.0, 1
    width = max(counts, key=lambda each: (counts[each] * (1 - 1 / (each + 1)), each))
    first = widths.index(width)
    last = len(widths) - widths[::-1].index(width)
    body = widths[first:last]
    share = body.count(width) / len(body)
    edges = len(widths) - len(body)
    cut = sum(each > 1 for each in widths) / len(widths)
    steady = sum(a == b for a, b in pairwise(body)) / max(1, len(body) - 1) if len(body) > 1 else 1.0
    outside = 1 - 0.5 * edges / len(widths)
    return max(share, 0.8 * steady) * outside * (0.4 + 0.6 * cut), width


def _typed(rows: list[list[str]]) -> float:
    """Return how much the cells look like whole cells, on average over evenly spread rows."""
    body = [row for row in rows if len(row) > 1] or rows
    wanted = max(20, min(_TYPED_ROWS, _TYPED_CELLS // len(body[0])))
    total, cells = 0.0, 0.0
    for row in body[:: max(1, len(body) // wanted)][:wanted]:
        filled = [cell for cell in row[:200] if cell and not cell.isspace()]
        empty = 0.2 * (min(len(row), 200) - len(filled))
        total += sum(map(cell_score, filled)) + 0.8 * empty
        cells += len(filled) + empty
    return total / cells if cells else 0.0


def _quote_fit(text: str, delimiter: str, quotechar: str | None) -> float:
    """Return the share of quotes that stand where this delimiter would have them, scaled to 0.3 … 1."""
    mark = quotechar or '"'
    if mark not in text:
        return 1.0
    doubled = text.replace(mark * 2, "").replace("\\" + mark, "") if mark * 2 in text else text.replace("\\" + mark, "")
    total = doubled.count(mark)
    if total < 2:
        return 1.0 if quotechar else 0.95
    apart = re.escape(delimiter)
    fitting = len(re.findall(rf"(?:^|{apart})[ ]?{mark}", doubled, re.MULTILINE))
    fitting += len(re.findall(rf"{mark}(?={apart}|\r|$)", doubled, re.MULTILINE))
    share = min(1.0, fitting / total)
    return 0.3 + 0.7 * share if quotechar else 0.95 * (1 - 0.7 * share)


def _reads_as_prose(rows: list[list[str]], text: str, delimiter: str) -> bool:
    """Whether a sign is punctuation: a blank follows it, and what stands between are words, not names or numbers."""
    count = text.count(delimiter)
    if text.count(delimiter + " ") < 0.9 * count:
        return False
    if sum(len(row) > 1 for row in rows) < 0.5 * len(rows):
        return True
    cells = [cell for row in rows[:_TYPED_ROWS] for cell in row if cell.strip()]
    return sum(len(cell.split()) >= 3 for cell in cells) > 0.5 * len(cells)


def _clear(rows: list[list[str]], width: int, regularity: float, delimiter: str) -> bool:
    """Return whether a sign that is common in text can only be a delimiter here."""
    cells = [cell for row in rows[:_TYPED_ROWS] for cell in row if cell]
    numbers = sum(map(is_number, cells)) / max(1, len(cells))
    if delimiter == " ":
        return regularity > 0.85 and (numbers > 0.5 or (width >= 4 and numbers > 0.2))
    return regularity > (0.75 if numbers > 0.5 else 0.9) and width >= 3 and len(rows) >= 3


def _lead_lines(text: str, best: _Candidate) -> int:
    """Return how many lines, blank ones included, stand before the first row of the table's width."""
    source = io.StringIO(text, newline="")
    reader = csv.reader(source, delimiter=best.delimiter, quotechar=best.quotechar or '"')
    before = 0
    try:
        for row in reader:
            # One field less is a header without a name for the row names (R writes that).
            if len(row) >= best.width or (len(row) == best.width - 1 > 1 and all(row) and not before):
                return before
            before = reader.line_num
    except csv.Error:
        pass
    return 0
