"""The dates, times and numbers in a file's name, which differ where all else is the same.

A name is looked at without its suffix, in lower case and in Unicode's NFC. Dates are found as people write them in
English and Portuguese: days, months, quarters and years, with signs between their parts or without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["date", "time", "number", "id"]

_S = r"[-_. ]?"
_DE = r"(?:de[-_. ])?"
_YEAR = r"(?:19|20)\d\d"
_MONTHS = "|".join(
    sorted(
        (
            "janeiro fevereiro março marco abril maio junho julho agosto setembro outubro novembro dezembro "
            "january february march april may june july august september october november december "
            "jan fev feb mar abr apr mai jun jul ago aug set sep sept out oct nov dez dec"
        ).split(),
        key=len,
        reverse=True,
    )
)
_MONTHS_IN_FULL = frozenset(name for name in _MONTHS.split("|") if len(name) > 4 or name == "maio")
MONTH = re.compile(_MONTHS)
_QUARTER = r"(?:[qt][1-4]|[1-4][qt]|s[12]|[12]s|w(?:eek)?[0-5]\d|tri(?:m)?[1-4])"
_PARTS_OF_YEARS = r"(?:tri(?:m(?:estre)?)?|(?:quadri|bi|se)m(?:estre)?|quarter|semester)"
_NTH_PART = rf"(?:[1-6](?:o|º|ª|°|st|nd|rd|th)?{_S}{_PARTS_OF_YEARS}|{_PARTS_OF_YEARS}{_S}[1-6](?:o|º|ª|°)?)"
_END = r"(?![0-9])"
_WORD_END = r"(?![^\W_])"


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.ASCII) for pattern in patterns)


_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])")
_DAY_FIRST_YEAR = re.compile(rf"\d{{4}}(?P<sign>[-_. ]?)\d\d(?P=sign)\d\d{_END}", re.ASCII)
_DAY_LAST_YEAR = re.compile(rf"\d\d(?P<sign>[-_. ]?)\d\d(?P=sign)\d{{4}}{_END}", re.ASCII)
_UNPADDED_DAYS = (  # with a dot or a line below they are versions and counted parts as often
    (re.compile(rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_END}", re.ASCII), ("%Y-%m-%d",)),
    (re.compile(rf"\d{{1,2}}(?P<sign>[-.])\d{{1,2}}(?P=sign)\d{{4}}{_END}", re.ASCII), ("%d-%m-%Y", "%m-%d-%Y")),
)
_TIMESTAMP = re.compile(rf"({_YEAR}\d{{4}})\d{{4}}(?:\d\d)?(?:\d{{3}})?{_END}", re.ASCII)
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_TIME = re.compile(
    rf"(?:t{_HOUR}{_SIXTY}|[-_ ]?{_HOUR}{_SIXTY}{_SIXTY}|t{_HOUR}{_SIXTY}{_SIXTY}(?:\d{{3}}|\d{{6}})?"
    rf"|[-_t ]{_HOUR}(?P<sign>[-_.:h]){_SIXTY}(?:(?P=sign){_SIXTY})?)z?{_END}",
    re.ASCII,
)
_EPOCH = re.compile(rf"1[0-9]{{9}}(?:[0-9]{{3}})?{_END}")
_AT_DIGITS = _compiled(
    rf"\d{{1,2}}{_S}{_DE}(?:{_MONTHS}){_S}{_DE}(?:{_YEAR}|\d\d){_END}",
    rf"{_YEAR}{_S}(?:{_QUARTER}|{_MONTHS}|{_NTH_PART}){_WORD_END}",
    rf"{_NTH_PART}(?:{_S}{_DE}{_YEAR}{_END}|{_WORD_END})",
    rf"{_YEAR}{_S}(?:0[1-9]|1[0-2]){_END}",
    rf"(?:0[1-9]|1[0-2]){_S}{_YEAR}(?![-_. ]?[0-9])",
    rf"(?:[1-4][qt]|[12]s){_S}{_DE}(?:{_YEAR}|\d\d){_END}",
)
_SPAN = re.compile(rf"({_YEAR})[-_](\d\d){_END}", re.ASCII)
_ONE_YEAR = re.compile(rf"{_YEAR}{_END}", re.ASCII)
_AT_LETTERS = _compiled(
    rf"(?:{_MONTHS}){_S}{_DE}(?:{_YEAR}|\d\d){_END}",
    rf"{_QUARTER}{_S}{_DE}{_YEAR}{_END}",
    rf"{_NTH_PART}(?:{_S}{_DE}{_YEAR}{_END}|{_WORD_END})",
    rf"[qt][1-4]{_WORD_END}",
)
_VERSION = re.compile(
    r"(?:v|(?:ver|versao|versão|version|rev|release)[-_. ]?)\d+(?:\.\d{1,3}(?![0-9]))*(?:_[0-9](?![0-9]))*"
)
_COPY = re.compile(r"\(\d+\)")
_SEQUENCE = re.compile(
    r"(?:^|[^a-z])(?:part|parte|chunk|page|pagina|página|pag|lote|batch|file|arquivo|split|shard|seq|vol|volume|"
    r"segment|bloco|block|slice|dump|run|of|de|partition|particao|partição)[-_. ]?$"
)
_STARTS = re.compile(r"[0-9]+|[^\W\d_]+|\(")


@dataclass(frozen=True)
class NamePart:
    """A part of a name that may differ from file to file.

    Attributes:
        start: Where it begins in the name.
        end: Where it ends.
        text: Its characters.
        kind: What it is.
        forms: The forms in which it can be read as a day, with `%Y`, `%m` and `%d`; nothing for all else.
        is_counted: The word before it says that it counts: `part-1`.
    """

    start: int
    end: int
    text: str
    kind: Kind
    forms: frozenset[str] = frozenset()
    is_counted: bool = False


def parts_of(stem: str) -> list[NamePart]:
    """Return the parts of a name that may differ from file to file, in their order.

    Args:
        stem: The name without its suffix, in lower case and NFC.
    """
    found: list[NamePart] = []
    at = 0
    while start := _STARTS.search(stem, at):
        at = start.end()
        text = start[0]
        if text == "(":
            copy = _COPY.match(stem, start.start())
            at = copy.end() if copy else at
            continue
        if identifier := _ID.match(stem, start.start()):
            found.append(_part(identifier, "id"))
        elif "0" <= text[0] <= "9":
            found += _at_digits(stem, start)
        elif version := _VERSION.match(stem, start.start()):
            at = version.end()
            continue
        elif text in _MONTHS_IN_FULL and not stem[at : at + 1].isalnum() and not _match(_AT_LETTERS, stem, start):
            found.append(_part(start, "date"))
        elif text[0] in "abcdefghijklmnopqrstuvwxyz" and (dated := _match(_AT_LETTERS, stem, start)):
            found.append(_part(dated, "date"))
        if found and found[-1].end > start.start():
            at = found[-1].end
    return found


def day_of(text: str, form: str) -> date | None:
    """Return the day that a part is in a form, `None` where it is none of the last and this century."""
    pieces = re.findall(r"\d+", text)
    if len(pieces) == 1:
        (digits,) = pieces
        pieces = [digits[:4], digits[4:6], digits[6:]] if form[1] == "Y" else [digits[:2], digits[2:4], digits[4:]]
    year, month, day = (pieces[letters.index(letter)] for letters in (re.findall("[Ymd]", form),) for letter in "Ymd")
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if 1900 <= found.year < 2100 else None


def _at_digits(stem: str, start: re.Match[str]) -> Iterator[NamePart]:
    at = start.start()
    for matcher in (_day, _timestamp, _other_date):
        if part := matcher(stem, at):
            yield part
            follows = next((at for at in range(part.end, part.end + 2) if stem[at : at + 1].isdigit()), part.end)
            if (time := _TIME.match(stem, part.end)) and not _day(stem, follows):
                yield _part(time, "time")
            return
    if epoch := _EPOCH.match(stem, at):
        yield _part(epoch, "time")
        return
    is_counted = _SEQUENCE.search(stem[:at]) is not None
    yield NamePart(at, start.end(), start[0], "number", is_counted=is_counted)


def _day(stem: str, at: int) -> NamePart | None:
    forms: set[str] = set()
    end = at
    for pattern, orders in ((_DAY_FIRST_YEAR, ("Ymd",)), (_DAY_LAST_YEAR, ("dmY", "mdY"))):
        if match := pattern.match(stem, at):
            written = {match["sign"].join(f"%{letter}" for letter in order) for order in orders}
            if fitting := {form for form in written if day_of(match[0], form)}:
                forms |= fitting
                end = match.end()
    for pattern, written_as in _UNPADDED_DAYS:
        if not forms and (match := pattern.match(stem, at)):
            sign = match.groupdict().get("sign") or "-"
            forms = {form for form in (one.replace("-", sign) for one in written_as) if day_of(match[0], form)}
            end = match.end() if forms else at
    return NamePart(at, end, stem[at:end], "date", frozenset(forms)) if forms else None


def _timestamp(stem: str, at: int) -> NamePart | None:
    match = _TIMESTAMP.match(stem, at)
    return _part(match, "date") if match and day_of(match[1], "%Y%m%d") else None


def _other_date(stem: str, at: int) -> NamePart | None:
    for pattern in _AT_DIGITS:
        if match := pattern.match(stem, at):
            return _part(match, "date")
    if (span := _SPAN.match(stem, at)) and (int(span[1]) + 1) % 100 == int(span[2]):
        return _part(span, "date")
    year = _ONE_YEAR.match(stem, at)
    return _part(year, "date") if year else None


def _match(patterns: tuple[re.Pattern[str], ...], stem: str, start: re.Match[str]) -> re.Match[str] | None:
    at = start.start()
    return next((match for pattern in patterns if (match := pattern.match(stem, at))), None)


def _part(match: re.Match[str], kind: Kind) -> NamePart:
    return NamePart(match.start(), match.end(), match[0], kind)
