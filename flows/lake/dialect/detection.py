"""Owns the guess at a CSV file's delimiter, quote character and decimal mark, from a bounded sample of its text.

Every candidate cuts the sample into a table; the one whose table is most like a table wins. Three kinds of evidence
count: rows of equal width (as DuckDB's sniffer looks at it), cells that look like whole cells (as clevercsv does), and
quotes that stand next to the delimiter (as `csv.Sniffer` does). Signs that are common in text (`:`, blank) must be
clearer than others. What the evidence is worth is `flows.lake.dialect.table_likeness`'s; here candidates are judged in
steps, cheap ones first, and a step that cannot change who wins is not taken. Figures and what was compared:
docs/decisions/0031-delimiter-detection.md.
"""

from __future__ import annotations

import csv
import functools
import heapq
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flows.lake.dialect.cell_types import decimal_mark
from flows.lake.dialect.headers import lead_lines
from flows.lake.dialect.table_likeness import (
    Rows,
    is_clear,
    is_list_of_terms,
    reads_as_prose,
    regularity,
    share_beside,
    typed,
)

_ShareOf = Callable[[str, str], float | None]
_PRIOR = {",": 1.0, "\t": 1.0, ";": 1.0, "|": 1.0, "~": 0.8, "^": 0.8, "\x01": 0.8, "\x1f": 0.8, ":": 0.5, " ": 0.5}
_MAX_ROWS = 2_000
_LEAST_SCORE = 0.12
_LEAST_IN_QUOTES = 0.6  # quotes may hold anything
_COMMENT = "#"
_COMMENTS = ("#", "//")
_NO_DELIMITER_COLON = re.compile(
    r"(?<![:.\d])\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?![:\d])|\b[a-z]{3,5}://", re.IGNORECASE
)
_ESCAPED_QUOTE = re.compile(r'[^\\]\\"(?![,;|\t\r\n])')
_DOUBLED_QUOTE = re.compile(r'[^,;|\t\r\n]""[^,;|\t\r\n]')
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
        plain_quotes: Quotes are letters: most stand inside values, and some would open a field.
        escaped: A backslash escapes them.
        excel_line: The first line is `sep=…`, which Excel alone understands.
    """

    delimiter: str = ","
    quotechar: str = '"'
    decimal: str = "."
    width: int = 1
    lead_lines: int = 0
    excel_line: bool = False
    plain_quotes: bool = False
    escaped: bool = False


@dataclass(slots=True)
class _Candidate:
    """A way to cut the sample, and what is known of it; the score is the most it can be until `is_known`."""

    delimiter: str
    quotechar: str | None
    escaped: bool
    score: float
    weight: float = 1.0
    rows: Rows | None = None
    width: int = 1
    fit: float | None = None
    is_quoted: bool = False
    is_known: bool = False


def detect(sample: str, *, whole: bool = True, delimiter: str | None = None) -> Detected:
    """Return the dialect that cuts the sample into the most regular table.

    Args:
        sample: The first part of the text, without byte order mark.
        whole: Whether that is the whole text; else the last line is cut off and left out.
        delimiter: The delimiter, if it is known.
    """
    excel = _EXCEL.match(sample)
    if excel and excel[1] in ([delimiter] if delimiter else _PRIOR):
        rows = _rows(sample[excel.end() :], excel[1], '"')
        return Detected(
            excel[1], decimal=decimal_mark(excel[1], rows), width=_modal_width(rows), lead_lines=1, excel_line=True
        )
    text = sample if whole else _to_last_line_end(sample)
    best = _best(_without_comments(text), [delimiter] if delimiter else list(_PRIOR))
    if best is None:  # one column: what does not occur in it leaves it whole
        return Detected(delimiter or next((each for each in ",\t;|~^" if each not in text), ","))
    return Detected(
        delimiter=best.delimiter,
        quotechar=best.quotechar or '"',
        decimal=decimal_mark(best.delimiter, best.rows or []),
        width=best.width,
        lead_lines=lead_lines(text, best.delimiter, best.quotechar or '"', best.width),
        plain_quotes=best.quotechar is None and any(cell.startswith('"') for row in best.rows or [] for cell in row),
        escaped=best.escaped,
    )


def _to_last_line_end(sample: str) -> str:
    end = max(sample.rfind("\n"), sample.rfind("\r")) + 1
    return sample[:end] or sample


def _without_comments(text: str) -> str:
    """Return the text without the comments that it begins with, if two lines are left."""
    if not text.lstrip().startswith(_COMMENTS):
        return text
    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith(_COMMENTS)), len(lines))
    return "".join(lines[first:]) if first < len(lines) - 1 else text


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()][:_MAX_ROWS]


def _best(text: str, delimiters: list[str]) -> _Candidate | None:
    lines = _lines(text)
    candidates, in_most = [], set()
    are_escaped = len(_ESCAPED_QUOTE.findall(text)) >= 2 and not _DOUBLED_QUOTE.search(text)
    for delimiter in delimiters:
        if delimiter not in text:
            continue
        counts = [line.count(delimiter) for line in lines]
        with_it = len(counts) - counts.count(0)
        if with_it < max(1, 0.2 * len(lines)) and (delimiter in " :" or not _is_beside_quotes(text, delimiter)):
            continue
        if with_it > 0.7 * len(lines):
            in_most.add(delimiter)
        prior = _PRIOR.get(delimiter, 0.8)
        widest = max(counts) + 1
        for quotechar, escaped in _quotings(text, delimiter):
            most = prior if quotechar and quotechar in text else prior * (1 - 1 / (widest + 1))
            weight = 0.7 if are_escaped and not escaped else 1.0
            candidates.append(_Candidate(delimiter, quotechar, escaped, most * weight, weight))
    for candidate in _ranked(candidates, text):
        if candidate.score >= _LEAST_SCORE:
            return candidate
        rows = candidate.rows or []
        if candidate.delimiter in in_most and (
            candidate.is_quoted or is_list_of_terms(rows, candidate.width, candidate.delimiter)
        ):
            return candidate
    return None


def _is_beside_quotes(text: str, delimiter: str) -> bool:
    """Whether a sign may cut rows of many lines: cells in quotes may hold most of the lines."""
    return delimiter + '"' in text or '"' + delimiter in text


def _ranked(candidates: list[_Candidate], text: str) -> Iterator[_Candidate]:
    """Yield candidates from the best on; look closer at the one of which most can be hoped, until it is known."""
    share_of = functools.cache(functools.partial(share_beside, text))
    heap = [(-candidate.score, number, candidate) for number, candidate in enumerate(candidates)]
    heapq.heapify(heap)
    while heap:
        _, number, first = heapq.heappop(heap)
        if first.is_known:
            yield first
        else:
            _look_closer(first, text, share_of, -heap[0][0] if heap else 0.0)
            heapq.heappush(heap, (-first.score, number, first))


def _look_closer(candidate: _Candidate, text: str, share_of: _ShareOf, others: float) -> None:
    """Take the next step in judging a candidate; at the cells, stop when it has certainly more than the others can."""
    if candidate.fit is None:
        _fit_quotes(candidate, share_of)
    elif candidate.rows is None:
        _cut(candidate, text)
    else:
        candidate.is_known = True
        if candidate.score:
            enough = max(others, _LEAST_SCORE) / candidate.score
            whole = typed(candidate.rows, enough, tabs=candidate.delimiter != "\t" and "\t" in text)
            candidate.score *= max(whole, _LEAST_IN_QUOTES) if candidate.is_quoted else whole


def _is_in_times_alone(text: str) -> bool:
    """Whether most lines with a colon have it in times of day and addresses alone."""
    lines = [line for line in _lines(text) if ":" in line]
    return sum(":" in _NO_DELIMITER_COLON.sub("", line) for line in lines) < 0.5 * len(lines)


def _quotings(text: str, delimiter: str) -> Iterator[tuple[str | None, bool]]:
    """Yield the quote characters worth trying, and whether a backslash escapes them.

    None reads quotes as letters, for files that do not mean them.
    """
    yield '"', False
    if '"' in text:
        if '\\"' in text:
            yield '"', True
        yield None, False
    if (
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


def _fit_quotes(candidate: _Candidate, share_of: _ShareOf) -> None:
    """Take in which share of the quotes stands beside the delimiter; without a quote character, none should."""
    share = share_of(candidate.delimiter, candidate.quotechar or '"')
    if candidate.quotechar:
        candidate.fit = 1.0 if share is None else 0.3 + 0.7 * share
    else:
        candidate.fit = 0.95 if share is None else 0.95 * (1 - 0.7 * share)
    candidate.score *= candidate.fit


def _cut(candidate: _Candidate, text: str) -> None:
    """Cut the text, and take the widths of rows and signs of prose into the score."""
    delimiter, quotechar, fit = candidate.delimiter, candidate.quotechar, candidate.fit or 0.0
    candidate.rows, candidate.score = [], 0.0
    if delimiter == ":" and _is_in_times_alone(text):
        return
    rows = _rows(text, delimiter, quotechar, candidate.escaped)
    if _COMMENT in text:
        rows = [row for row in rows if not (len(row) == 1 and row[0].startswith(_COMMENT))]
    if delimiter == " ":
        rows = [row[:-1] if row and not row[-1] else row for row in rows]
    regular, width = regularity([len(row) for row in rows])
    candidate.rows, candidate.width = rows, width
    if width < 2:
        return
    candidate.score = candidate.weight * regular * fit * _PRIOR.get(delimiter, 0.8) * (1 - 1 / (width + 1))
    if not width - 1 <= len(rows[0]) <= width:  # what cuts the header as well is the better delimiter
        candidate.score *= 0.8
    candidate.is_quoted = fit == 1 and _is_quoted(text, delimiter, quotechar, len(rows))
    if len(rows) > 3 and sum(len(row) > 1 for row in rows) == 1:
        candidate.score *= 0.3
    if delimiter in ",;|:" and (regular < 0.97 or len(rows) < 3) and reads_as_prose(rows, text, delimiter):
        candidate.score *= 0.3
    if delimiter in " :" and not candidate.is_quoted and not is_clear(rows, width, regular, delimiter, text):
        candidate.score *= 0.3


def _is_quoted(text: str, delimiter: str, quotechar: str | None, rows: int) -> bool:
    """Whether most rows have quotes, and quotes beside the delimiter."""
    if quotechar is None or text.count(quotechar) < 2 * rows:
        return False
    text = text.replace(quotechar * 2, "")
    return text.count(quotechar + delimiter) + text.count(delimiter + quotechar) >= 0.5 * rows
