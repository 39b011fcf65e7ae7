"""Owns `profile_csv`: what pandas would say of a CSV file, found in one pass and in bounded memory.

The profile is equal to that of `pandas.read_csv(path, **profile.recipe)`. What it takes to cut the file into its table
is found and used; what cannot be cut is left out, counted and told, and beyond a limit `CsvRejected` is raised. Reading
the table block by block is left to `flows.lake.tables.table`, guessing the dialect to `flows.lake.dialect`, reading and
digests to `flows.lake.tables.csv_source`, printing to `flows.lake.reports.profile_report`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from flows.lake.dialect.detection import detect
from flows.lake.dialect.encoding import Utf8Text, detect_encoding, is_text_codec, normal_name
from flows.lake.dialect.file_kinds import looks_binary, not_csv
from flows.lake.dialect.structure import Structure, find_structure, lines_of
from flows.lake.errors import CsvRejected, SettingsError
from flows.lake.memory import reuse_freed_memory
from flows.lake.models import DEFAULT_BAD_ROWS_PERCENT, DEFAULT_MAX_COLUMNS, CsvDialect, CsvProfile
from flows.lake.tables import rejections
from flows.lake.tables.csv_source import CsvSource, Source
from flows.lake.tables.hints import Watch, on_bad_rows, on_detection, on_encoding
from flows.lake.tables.reading import Reading, reading_of
from flows.lake.tables.suggestions import suggestions
from flows.lake.tables.table import Table
from flows.lake.units import KIB

SAMPLE_BYTES = 256 * KIB
DIALECT_SAMPLE_BYTES = 64 * KIB
OpenSource = Callable[[], Source]
"""Opens what a table is read from, from its start."""

_LEAST_ROWS = 20
"""Of a file that is believed when its quotes are not."""


def profile_csv(
    path: Path | str,
    dialect: CsvDialect | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    chunk_rows: int = 50_000,
    root: Path | None = None,
    max_columns: int = DEFAULT_MAX_COLUMNS,
    bad_rows_percent: int = DEFAULT_BAD_ROWS_PERCENT,
    watch: Watch | None = None,
    open_source: OpenSource | None = None,
) -> CsvProfile:
    """Return what pandas would say of a CSV file, with its digests, reading it once.

    Args:
        path: The file; `.gz` and `.zst` are profiled by their content.
        dialect: What is known of its format; the rest is detected.
        progress: Called with bytes done and bytes in all while the file is read.
        chunk_rows: The most rows that are parsed at a time; memory also bounds it. The answer does not depend on it.
        root: The folder out of which no link may lead; links lead anywhere without one.
        max_columns: A file with more columns is rejected: each costs memory and time, however little it holds.
        bad_rows_percent: A file of whose rows more percent (rounded down) cannot be cut as the others is rejected;
            with 0, one such row is enough.
        watch: Called with the columns' names once they are known; what it returns sees the cells of each block.
        open_source: Opens what is read, where that is not the file as it lies on the disk.

    Raises:
        CsvRejected: pandas cannot read the file as CSV.
        SourceNotFound: There is no such file.
        SourceError: It is not a regular file, or a link leads out of the root.
        SourceUnreadable: The file may not be read.
        SourceChanged: The file changed while it was read.
        SettingsError: The stated dialect is not valid.
    """
    reuse_freed_memory()
    stated = _checked(dialect or CsvDialect())
    limits = _Limits(max(chunk_rows, 1), max_columns, bad_rows_percent, watch)
    file = Path(path)
    quiet = open_source or (lambda: CsvSource(file, root=root))
    try:
        return _profiled(open_source or (lambda: CsvSource(file, progress, root)), stated, limits)
    except CsvRejected as error:
        if not error.opens_quote or stated.quoting is not None or stated.quotechar is not None:
            raise
        plain = _without_quotes(quiet, stated, limits)
        if plain is None:
            raise
        return plain


def find_reading(path: Path, dialect: CsvDialect, root: Path | None = None) -> tuple[str, Reading]:
    """Return a file's encoding and how it is read, as `profile_csv` would find them, without reading its table.

    Raises:
        CsvRejected: It is no CSV file.
        SourceError: It cannot be read.
        SettingsError: The stated dialect is not valid.
    """
    stated = _checked(dialect)
    with CsvSource(path, root=root) as source:
        source.decompress()
        sample = _read_sample(source)
        encoding = _encoding_of(source.path, sample, stated)
        reading, _ = _complete(stated, encoding, sample)
        text = Utf8Text(source.path, _reader(sample, source), encoding, stated=stated.encoding is not None)
        while text.is_open:
            text.next_piece()
        return text.encoding, reading


@dataclass(frozen=True)
class _Limits:
    chunk_rows: int
    max_columns: int
    bad_rows_percent: int
    watch: Watch | None = None


def _without_quotes(open_source: OpenSource, stated: CsvDialect, limits: _Limits) -> CsvProfile | None:
    """Return the profile of a file whose quotes are plain text, `None` where that leaves a row that is not regular."""
    strict = replace(limits, bad_rows_percent=0)
    try:
        profile = _profiled(open_source, replace(stated, quoting=False), strict)
    except CsvRejected:
        return None
    if profile.bad_rows or profile.short_rows or len(profile.columns) < 2 or profile.rows < _LEAST_ROWS:
        return None
    note = "A quote opens a value and never closes: quotes are read as plain text."
    return replace(profile, hints=(note, *profile.hints))


def _profiled(open_source: OpenSource, stated: CsvDialect, limits: _Limits) -> CsvProfile:
    with open_source() as source:
        source.decompress()
        sample = _read_sample(source)
        encoding = _encoding_of(source.path, sample, stated)
        reading, notes = _complete(stated, encoding, sample)
        text = Utf8Text(source.path, _reader(sample, source), encoding, stated=stated.encoding is not None)
        table = Table(source.path, text, reading, limits.chunk_rows, limits.max_columns, limits.watch)
        try:
            table.read()
            _check_bad_rows(source.path, table, text.encoding, limits)
        except CsvRejected as error:
            raise _explained(error, notes) from error
        source.finish()
        return CsvProfile(
            path=source.path,
            rows=table.rows,
            columns=table.columns(),
            size_bytes=source.size_bytes,
            mtime_ns=source.mtime_ns,
            sha256=source.sha256,
            crc64nvme=source.crc64nvme,
            encoding=text.encoding,
            delimiter=reading.delimiter,
            decimal=reading.decimal,
            quotechar=reading.quotechar,
            quoted=table.quoted,
            hints=(*on_encoding(text, stated), *notes, *on_bad_rows(table), *table.hints()),
            compression=source.compression,
            extra=table.extra() | ({"encoding_errors": "replace"} if text.replaced_lines else {}),
            bad_rows=table.bad_rows,
            bad=tuple(table.bad),
            short_rows=table.short_rows,
        )


def _check_bad_rows(path: Path, table: Table, encoding: str, limits: _Limits) -> None:
    """Reject a file of which too many rows cannot be read as the others; with 0 percent, one is too many."""
    # Rounded down: one row of 51 is less than two percent, one of 50 is not.
    too_many = limits.bad_rows_percent + 1 if limits.bad_rows_percent else 0
    if table.bad_rows and table.bad_rows * 100 >= too_many * (table.rows + table.bad_rows):
        raise rejections.too_many_bad(path, table.bad, table.bad_rows, table.rows, encoding, table.reading.delimiter)


def _explained(error: CsvRejected, notes: list[str]) -> CsvRejected:
    """Return a rejection that also says what was noticed of the file's format, which is often the reason."""
    remedy = " ".join([*notes, error.remedy or ""]).strip()
    return CsvRejected(
        error.path or "",
        error.reason,
        line=error.line,
        byte=error.byte,
        delimiter=error.delimiter,
        encoding=error.encoding,
        remedy=remedy or None,
        opens_quote=error.opens_quote,
    )


def _checked(dialect: CsvDialect) -> CsvDialect:
    for name in ("delimiter", "decimal", "quotechar"):
        value = getattr(dialect, name)
        if value is not None and (len(value) != 1 or not value.isascii() or value in "\r\n\0"):
            raise SettingsError(
                f"The dialect's {name} is {value!r}, which is not one ASCII character.",
                remedy="Give one character, for example ';', or leave it out to have it detected.",
            )
    if dialect.encoding is not None and not is_text_codec(dialect.encoding):
        raise SettingsError(
            f"The dialect's encoding {dialect.encoding!r} is not a text encoding that Python knows.",
            remedy="Give the name of one, for example utf-8, cp1252 or latin-1.",
        )
    return dialect


def _read_sample(source: Source) -> bytes:
    sample = bytearray()
    while len(sample) < SAMPLE_BYTES and (data := source.read()):
        sample += data
    return bytes(sample)


def _reader(sample: bytes, source: Source) -> Callable[[], bytes]:
    waiting = [sample] if sample else []
    return lambda: waiting.pop() if waiting else source.read()


def _encoding_of(path: Path, sample: bytes, stated: CsvDialect) -> str:
    """Return the encoding that is stated or found; refuse what is not text."""
    if not sample:
        raise CsvRejected(path, "it is empty.", byte=0, remedy="Ask its source: there is not even a header.")
    other = not_csv(sample)
    if other:
        raise CsvRejected(path, f"it is {other[0]}, not CSV.", byte=0, remedy=other[1])
    encoding = stated.encoding or detect_encoding(sample)
    if looks_binary(sample) and not normal_name(encoding).startswith(("utf-16", "utf-32")):
        raise CsvRejected(path, "it is a binary file, not CSV.", byte=0, remedy="Ask its source for the data as CSV.")
    return encoding


def _complete(stated: CsvDialect, encoding: str, sample: bytes) -> tuple[Reading, list[str]]:
    """Fill in by detection what is not stated; return it with what a person should know of that."""
    if stated.delimiter and stated.decimal and stated.quotechar:
        plain = Structure(plain_quotes=stated.quoting is False)
        return reading_of(stated, plain, stated.decimal, stated.delimiter, stated.quotechar), []
    text = sample[:DIALECT_SAMPLE_BYTES].decode(encoding, errors="replace").removeprefix("\ufeff")
    whole = len(sample) < DIALECT_SAMPLE_BYTES
    below = _below(text, stated)
    detected = detect(below, whole=whole, delimiter=stated.delimiter)
    if stated.quoting is False:
        detected = replace(detected, plain_quotes=True, escaped=False)
    structure = find_structure(below, detected, whole=whole)
    decimal = stated.decimal or detected.decimal
    reading = reading_of(stated, structure, decimal, detected.delimiter, stated.quotechar or detected.quotechar)
    meaning = suggestions(structure.records, structure.has_header)
    return replace(reading, looks=True), [*on_detection(detected, structure, stated, text), *meaning]


def _below(text: str, stated: CsvDialect) -> str:
    """Return the text below the lines that are stated to stand above the table."""
    return "".join(lines_of(text)[stated.skip :]) if stated.skip else text
