"""What is stated and what is found of a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.lake.masking_rules import LooksSensitive

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


@dataclass(frozen=True)
class CsvDialect:
    """What the user states about a CSV file; `None` means that it is detected.

    Attributes:
        delimiter: The field separator, one character.
        encoding: A Python codec name.
        decimal: The decimal mark, one character.
        quotechar: The quote character, one character.
        quoting: `False` where quotes are letters like others (`csv.QUOTE_NONE`).
        escapechar: The sign that escapes a quote.
        header: `False` where no line names the columns.
        names: The names of the columns, where no line has them.
        skip: Lines above the header, or above the first row.
        footer: Lines below the table.
        comment: The sign that begins a comment.
        thousands: The mark between thousands.
        missing: What is written for a missing value, beside what pandas knows.
        text: Columns that are text whatever they hold.
        dates: Columns that hold dates, and the form of each.
        column_missing: Columns that have markers of their own for a missing value, and those.
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    quotechar: str | None = None
    quoting: bool | None = None
    escapechar: str | None = None
    header: bool | None = None
    names: tuple[str, ...] = ()
    skip: int | None = None
    footer: int | None = None
    comment: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    dates: tuple[tuple[str, str], ...] = ()
    column_missing: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Hint(str):
    """A sentence about a file that quotes something of it.

    Attributes:
        quiet: The same without what it quotes, for files whose cells nobody is to see.
    """

    quiet: str

    def __new__(cls, text: str, quiet: str) -> Hint:
        """Make a hint of the sentence and its quiet form."""
        hint = super().__new__(cls, text)
        hint.quiet = quiet
        return hint

    def __reduce__(self) -> tuple[type[Hint], tuple[str, str]]:  # it crosses the borders of processes
        return Hint, (str(self), self.quiet)


@dataclass(frozen=True)
class BadRow:
    """A row that is left out.

    Attributes:
        line: The line of the file on which it begins, counted from 1.
        reason: Why.
    """

    line: int
    reason: str


@dataclass(frozen=True)
class DtypeEvidence:
    """The first cell that made a column's dtype what it is and not a narrower one.

    Attributes:
        line: The line of the file on which its record begins, counted from 1.
        token: The cell's text, long ones shortened; part of the data, so not for everybody who may see the dtype.
        reason: What is said of it: `is not a number`, `is missing`, ...
    """

    line: int
    token: str
    reason: str


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column as pandas reads it.

    Attributes:
        name: The name that pandas gives it.
        dtype: The dtype's name, for example `int64`, `float64`, `str`, `bool` or `object`.
        non_null: The number of values that pandas does not take as missing.
        evidence: What forced the dtype; `None` for integers, and where no single cell did.
    """

    name: str
    dtype: str
    non_null: int
    evidence: DtypeEvidence | None = field(default=None, compare=False)


@dataclass(frozen=True)
class CsvProfile:
    """What one pass over a CSV file found.

    Attributes:
        path: The file.
        rows: Data rows, without the header.
        columns: The columns in the file's order.
        size_bytes: Bytes read, which is the whole file.
        mtime_ns: The file's modification time when it was opened, in nanoseconds since the epoch.
        sha256: SHA-256 of the bytes, hexadecimal.
        crc64nvme: CRC-64/NVME of the bytes, base64, as S3 writes it in `x-amz-checksum-crc64nvme`.
        encoding: The codec that read the file.
        delimiter: The field separator that read the file.
        decimal: The decimal mark that read the file.
        quotechar: The quote character that read the file.
        quoted: Whether the quote character occurs in it, without which the simplest readers will do.
        extra: What `pandas.read_csv` must be told besides, by its own names; nothing for a plain file.
        bad_rows: Rows that are left out, since they cannot be cut as the others.
        bad: The first of them.
        short_rows: Rows with fewer fields than columns, which are filled up with missing values.
        sensitive: Columns that look sensitive, where somebody looked.
        hints: What a person should know about the file, a sentence each.
        compression: `gzip` or `zstd` where the content was profiled through it, `zip` of an archive; size and digests
            are of the stored bytes.
        archive: What is in it, where it is an archive; it has no columns, and the rows of all its tables.
    """

    path: Path
    rows: int
    columns: tuple[ColumnProfile, ...]
    size_bytes: int
    mtime_ns: int
    sha256: str
    crc64nvme: str
    encoding: str
    delimiter: str
    decimal: str = "."
    quotechar: str = '"'
    quoted: bool = False
    hints: tuple[str, ...] = ()
    compression: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    bad_rows: int = 0
    bad: tuple[BadRow, ...] = ()
    short_rows: int = 0
    sensitive: tuple[LooksSensitive, ...] = ()
    archive: Archive | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """The keyword arguments with which `pandas.read_csv` gives exactly this frame."""
        quotes = {} if self.quotechar == '"' else {"quotechar": self.quotechar}
        if self.archive is not None:
            return {}
        plain = {"sep": self.delimiter, "encoding": self.encoding, "decimal": self.decimal, "low_memory": False}
        return plain | quotes | dict(self.extra)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as `DataFrame.shape`."""
        return self.rows, len(self.columns)


@dataclass(frozen=True)
class Member:
    """A CSV file in an archive.

    Attributes:
        index: Its place in the archive's directory, counted from 0, as in `zipfile.ZipFile.infolist()`.
        name: Its path in the archive.
        dataset: The dataset it belongs to.
        size_bytes: Its size.
        stored_bytes: The size of what is stored of it.
        crc32: The CRC-32 of its bytes, eight hexadecimal digits.
        profile: What it holds, where it could be read.
        reason: Why it could not.
        contract: The SHA-256 of the contract's text by which it was read, empty where it had none.
    """

    index: int
    name: str
    dataset: str
    size_bytes: int
    stored_bytes: int
    crc32: str
    profile: CsvProfile | None = None
    reason: str = ""
    contract: str = ""


@dataclass(frozen=True)
class Archive:
    """What is in an archive.

    Attributes:
        members: Its CSV files, in the order of its directory.
        others: How many members of each other kind it has, by what their names end with.
    """

    members: tuple[Member, ...]
    others: Mapping[str, int] = field(default_factory=dict)
