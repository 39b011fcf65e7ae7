"""What a piece of text looks like as the cell of a table: whether it is a whole one, and with which decimal mark.

A wrong delimiter leaves cells behind that are halves of numbers or two cells in one; the right one leaves numbers,
dates, words. That is the evidence that tells delimiters apart which cut a sample equally regularly (the idea is that of
van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns", 2019).
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

NUMBER = re.compile(
    r"[-+(]?\s?(?:R?\$|€|£|¥|US\$)?\s?[-+]?(?:\d[\d.,'\u00a0]*|[.,]\d+)(?:[eE][-+]?\d+)?\s?(?:%|€|£|\$|[kKMG])?\)?"
)
_PLAIN_NUMBER = re.compile(
    r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?%?|[-+]?\d{1,3}(?:,\d{3})+(?:\.\d*)?|[-+]?\d{1,3}(?:\.\d{3})+(?:,\d*)?"
)
_DATE = re.compile(
    r"(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[-/ ][A-Za-zç]{3,9}\.?[-/ ,]{1,2}\d{2,4}"
    r"|[A-Za-zç]{3,9}\.? \d{1,2},? \d{4}|[A-Za-z]{3,9}[-/ ]\d{2,4})"
    r"(?:[T ]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[AaPp]\.?[Mm]\.?)?(?:Z|[-+]\d{2}:?\d{2}|\s?UTC)?)?"
)
_TIME = re.compile(r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[AaPp]\.?[Mm]\.?)?")
_ADDRESS = re.compile(r"(?i:https?|ftp|s3)://\S+|(?i:www)\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:\d{1,3}\.){3}\d{1,3}")
_SURE = re.compile("|".join(f"(?:{each.pattern})" for each in (_PLAIN_NUMBER, _DATE, _TIME, _ADDRESS)))
_WORD = re.compile(r"[\w#@/\\][\w./\\#@&'’()+*%$°ºª!?<>=\[\]{}-]*|[-?*.]+|<NA>")
_WORDS = re.compile(r"[^,;|\t~^\"\r\n]+")
_STRANGE = re.compile(r"[\t;|~^]")
_BRACKET = re.compile(r"[][{}]")
_COMMA_IN_TEXT = re.compile(r"\w,\w")

LEAST_CELL_SCORE = 0.1


@lru_cache(maxsize=20_000)
def cell_score(cell: str) -> float:
    """Return how much a text looks like one whole cell: 1 for a number or date, 0 for two cells in one."""
    text = cell.strip()
    if not text:
        return 0.8
    if text.isalnum() and text.isascii():
        return 1.0 if text.isdigit() else 0.95
    if (text[0] == "'") != (text[-1] == "'"):
        return 0.4
    if _SURE.fullmatch(text):
        return 1.0
    if _BRACKET.search(text) and any(text.count(each[0]) != text.count(each[1]) for each in ("[]", "{}")):
        return 0.3
    if len(text) < 200 and (_WORD.fullmatch(text) or NUMBER.fullmatch(text)):
        return 0.95
    if text.count('"') % 2:
        return 0.1
    strange = len(_STRANGE.findall(text))
    if strange:
        return 0.3 if strange == 1 and len(text) > 30 else 0.1
    if _WORDS.fullmatch(text):
        return 0.85
    commas = text.count(",")
    if commas and _COMMA_IN_TEXT.search(text):
        return 0.25  # text writes a blank after its commas
    return 0.75 if commas < 4 else 0.65


def is_number(cell: str) -> bool:
    """Return whether a cell is a number, with either decimal mark."""
    text = cell.strip()
    return text.isdecimal() or _PLAIN_NUMBER.fullmatch(text) is not None


def is_sure(cell: str) -> bool:
    """Return whether a cell is a number, a date, a time of day or an address."""
    return _SURE.fullmatch(cell.strip()) is not None


_DECIMAL_ROWS = 150
_COMMA_NUMBER = re.compile(r"\s*[-+]?\d+,\d+(?:[eE][-+]?\d+)?\s*")
_POINT_NUMBER = re.compile(r"\s*[-+]?\d+\.\d+(?:[eE][-+]?\d+)?\s*")


def decimal_mark(delimiter: str, rows: list[list[str]]) -> str:
    """Return the decimal mark: a comma where `;` cuts and more columns speak for it than against it."""
    if delimiter != ";":
        return "."
    return "," if _columns_of(_COMMA_NUMBER, rows) > _columns_of(_POINT_NUMBER, rows) else "."


def _columns_of(pattern: re.Pattern[str], rows: list[list[str]]) -> int:
    """Return in how many columns nearly all values that are not whole numbers match a pattern."""
    hits: Counter[int] = Counter()
    others: Counter[int] = Counter()
    for row in rows[1:_DECIMAL_ROWS]:
        for position, cell in enumerate(row):
            text = cell.strip()
            if text and not text.lstrip("+-").isdigit():
                (hits if pattern.fullmatch(text) else others)[position] += 1
    return sum(count > 9 * others[position] for position, count in hits.items())
