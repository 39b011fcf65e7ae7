"""Owns `profile_csv`: what pandas would say of a CSV file, found in one pass and in bounded memory.

The text is cut into blocks of whole records, and each block is read by `pandas.read_csv` itself, under a header that
keeps it to the width of the first; what the blocks say is merged by `flows.lake.pandas_dtypes`. The profile is equal to
that of `pandas.read_csv(path, sep=…, encoding=…, decimal=…, quotechar=…, low_memory=False)`, and where that raises,
this raises `CsvRejected`. Guessing the dialect is left to `flows.lake.dialect` and `flows.lake.csv_encoding`, reading
and digests to `flows.lake.csv_source`, printing to `flows.lake.csv_profile_text`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flows.lake import csv_errors
from flows.lake.csv_blocks import Blocks
from flows.lake.csv_encoding import Utf8Text, detect_encoding, normal_name
from flows.lake.csv_hints import HintCollector
from flows.lake.csv_source import KB, CsvSource
from flows.lake.dialect import detect
from flows.lake.errors import CsvRejected, SettingsError
from flows.lake.file_kinds import looks_binary, not_csv
from flows.lake.models import ColumnProfile, CsvDialect, CsvProfile
from flows.lake.pandas_dtypes import ColumnMerge

SAMPLE_BYTES = 256 * KB
DIALECT_SAMPLE_BYTES = 64 * KB


def profile_csv(
    path: Path | str,
    dialect: CsvDialect | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    chunk_rows: int = 50_000,
) -> CsvProfile:
    """Return what pandas would say of a CSV file, with its digests, reading it once.

    Args:
        path: The file; `.gz` and `.zst` are profiled by their content.
        dialect: What is known of its format; the rest is detected.
        progress: Called with bytes done and bytes in all while the file is read.
        chunk_rows: The most rows that are parsed at a time; memory also bounds it. The answer does not depend on it.

    Raises:
        CsvRejected: The file is no CSV that pandas can read.
        SourceNotFound: There is no such file.
        SourceUnreadable: The file may not be read.
        SourceChanged: The file changed while it was read.
        SettingsError: The dialect that was stated is none.
    """
    stated = _checked(dialect or CsvDialect())
    with CsvSource(Path(path), progress) as source:
        source.decompress()
        sample = _read_sample(source)
        _refuse_other_formats(source.path, sample, stated)
        used = _complete(stated, sample)
        text = Utf8Text(
            source.path, _reader(sample, source), used.encoding or "utf-8", stated=stated.encoding is not None
        )
        table = _Table(source.path, text, used, chunk_rows)
        table.read()
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
            delimiter=table.dialect.delimiter,
            decimal=table.dialect.decimal,
            quotechar=table.dialect.quotechar,
            hints=table.hints(),
        )


def _checked(dialect: CsvDialect) -> CsvDialect:
    for name in ("delimiter", "decimal", "quotechar"):
        value = getattr(dialect, name)
        if value is not None and (len(value) != 1 or not value.isascii() or value in "\r\n\0"):
            raise SettingsError(
                f"The dialect's {name} is {value!r}, which is not one ASCII character.",
                remedy="Give one character, for example ';', or leave it out to have it detected.",
            )
    if dialect.encoding is not None:
        try:
            normal_name(dialect.encoding)
        except LookupError as error:
            raise SettingsError(
                f"The dialect's encoding {dialect.encoding!r} is unknown.",
                remedy="Give a Python codec name, for example utf-8, cp1252 or latin-1.",
            ) from error
    return dialect


def _read_sample(source: CsvSource) -> bytes:
    sample = bytearray()
    while len(sample) < SAMPLE_BYTES and (data := source.read()):
        sample += data
    return bytes(sample)


def _reader(sample: bytes, source: CsvSource) -> Callable[[], bytes]:
    waiting = [sample] if sample else []
    return lambda: waiting.pop() if waiting else source.read()


def _refuse_other_formats(path: Path, sample: bytes, stated: CsvDialect) -> None:
    if not sample:
        raise CsvRejected(path, "it is empty.", byte=0, remedy="Ask its source: there is not even a header.")
    other = not_csv(sample)
    if other:
        raise CsvRejected(path, f"it is {other[0]}, not CSV.", byte=0, remedy=other[1])
    encoding = stated.encoding or detect_encoding(sample)
    if looks_binary(sample) and not normal_name(encoding).startswith(("utf-16", "utf-32")):
        raise CsvRejected(path, "it is a binary file, not CSV.", byte=0, remedy="Ask its source for the data as CSV.")


def _complete(stated: CsvDialect, sample: bytes) -> CsvDialect:
    """Fill in by detection what is not stated."""
    encoding = stated.encoding or detect_encoding(sample)
    if stated.delimiter and stated.decimal and stated.quotechar:
        return replace(stated, encoding=encoding)
    text = sample[:DIALECT_SAMPLE_BYTES].decode(encoding, errors="replace").removeprefix("\ufeff")
    found = detect(text)
    return CsvDialect(
        delimiter=stated.delimiter or found.delimiter,
        encoding=encoding,
        decimal=stated.decimal or found.decimal,
        quotechar=stated.quotechar or found.quotechar,
    )


@dataclass(frozen=True)
class _Used:
    """The dialect that reads the file: nothing left open."""

    delimiter: str
    decimal: str
    quotechar: str


class _Table:
    """The table in a text: rows and columns so far, and the reading of more."""

    def __init__(self, path: Path, text: Utf8Text, dialect: CsvDialect, chunk_rows: int) -> None:
        self._path = path
        self._text = text
        self.dialect = _Used(dialect.delimiter or ",", dialect.decimal or ".", dialect.quotechar or '"')
        self._blocks = Blocks(text, self.dialect.delimiter, self.dialect.quotechar, max(chunk_rows, 1))
        self._hints = HintCollector(self.dialect.delimiter, self.dialect.quotechar)
        quote, separator = re.escape(self.dialect.quotechar), re.escape(self.dialect.delimiter)
        self._minus_zero = re.compile(rf"-0+\s*(?:[{separator}{quote}\r\n]|$)".encode())
        self._names: list[str] = []
        self._index_columns = 0
        self._merges: list[ColumnMerge] = []
        self.rows = 0

    def read(self) -> None:
        """Read the whole table."""
        while self._blocks.fill():
            first = not self._names
            block, frame = self._next_frame(first)
            if first:
                self._begin(frame)
            self._add(block, frame, first)
            self._blocks.take(len(block))
        if not self._names:
            raise self._rejected(pd.errors.EmptyDataError(), True)

    def columns(self) -> tuple[ColumnProfile, ...]:
        """Return the columns as they are known now."""
        results = (merge.result() for merge in self._merges)
        return tuple(ColumnProfile(name, *result) for name, result in zip(self._names, results, strict=True))

    def hints(self) -> tuple[str, ...]:
        """Return what a person should know of the table."""
        return self._hints.sentences(self._names, self._index_columns)

    def _next_frame(self, first: bool) -> tuple[bytes, pd.DataFrame]:
        """Parse the longest block whose end pandas confirms."""
        problem: Exception | None = None
        for cut in self._blocks.cuts():
            block = self._blocks.head(cut)
            try:
                frame = self._parse(block, first)
            except pd.errors.EmptyDataError as error:
                problem = error
            except (ValueError, OverflowError, MemoryError) as error:
                problem = error
                if not csv_errors.is_open_quote(error):
                    break
            else:
                if len(frame) or not first or (self._blocks.at_end and cut == len(self._blocks.head(cut + 1))):
                    return block, frame
        raise self._rejected(problem, first) from problem

    def _parse(self, block: bytes, first: bool, **how: Any) -> pd.DataFrame:
        if not first:
            width = len(self._merges) + self._index_columns
            header = self.dialect.delimiter.join(map(str, range(width))).encode()
            block = header + b"\n" + block
            wanted = self._tokens_wanted()
            if wanted and not how:
                how = {"dtype": {str(position + self._index_columns): object for position in wanted}}
        frame: pd.DataFrame = pd.read_csv(
            BytesIO(block),
            sep=self.dialect.delimiter,
            decimal=self.dialect.decimal,
            quotechar=self.dialect.quotechar,
            encoding="utf-8",
            low_memory=False,
            **how,
        )
        return frame

    def _tokens_wanted(self) -> list[int]:
        return [position for position, merge in enumerate(self._merges) if merge.wants_tokens]

    def _rejected(self, problem: Exception | None, first: bool) -> CsvRejected:
        return csv_errors.rejected(
            self._path,
            problem,
            self._blocks,
            self._text.encoding,
            self.dialect.delimiter,
            self.dialect.quotechar,
            first,
        )

    def _begin(self, frame: pd.DataFrame) -> None:
        """Take the names, and the width, from the first block."""
        self._names = [str(name) for name in frame.columns]
        self._index_columns = 0 if isinstance(frame.index, pd.RangeIndex) else frame.index.nlevels
        self._merges = [ColumnMerge(self.dialect.decimal) for _ in self._names]
        self._blocks.widen(len(self._names))

    def _add(self, block: bytes, frame: pd.DataFrame, first: bool) -> None:
        if not first and not isinstance(frame.index, pd.RangeIndex):
            raise csv_errors.too_long_first(
                self._path, self._blocks, frame, self._text.encoding, self.dialect.delimiter
            )
        self.rows += len(frame)
        offset = 0 if first else self._index_columns
        counts = frame.count().to_numpy()
        long_digits = has_long_digits(block)
        minus_zero = self._minus_zero.search(block) is not None
        self._hints.note_block(block)
        again = []
        for position, merge in enumerate(self._merges):
            values = frame.iloc[:, position + offset]
            if merge.wants_tokens:
                merge.add_tokens(values)
            elif merge.add_inferred(values, int(counts[position + offset]), long_digits, minus_zero):
                again.append(position)
            self._hints.note_column(position, values)
        if again:
            self._add_again(block, again, first)

    def _add_again(self, block: bytes, positions: list[int], first: bool) -> None:
        """Read a block once more, for the tokens of the columns whose values do not tell enough."""
        if first:
            frame = self._parse(block, first, dtype=object)
            columns = {position: frame.iloc[:, position] for position in positions}
        else:
            names = [str(position + self._index_columns) for position in positions]
            frame = self._parse(block, first, dtype=object, usecols=names)
            columns = {position: frame[name] for position, name in zip(positions, names, strict=True)}
        for position, values in columns.items():
            self._merges[position].add_tokens(values)


def has_long_digits(block: bytes) -> bool:
    """Return whether 19 digits in a row occur, without which no integer is beyond 64 bits.

    Such a run covers two of every eighth byte; only where those are digits it is looked at closely.
    """
    step = 8
    every = np.frombuffer(block, np.uint8)[::step]
    digits = (every - np.uint8(48)) < 10
    runs = np.flatnonzero(digits[:-1] & digits[1:])
    if not len(runs):
        return False
    data = np.frombuffer(block, np.uint8)
    for shift in range(1, step):
        runs = runs[(data[runs * step + shift] - np.uint8(48)) < 10]
    return any(_LONG_DIGITS.search(block, max(0, at * step - 18), at * step + 27) for at in runs.tolist())


_LONG_DIGITS = re.compile(rb"[0-9]{19}")
